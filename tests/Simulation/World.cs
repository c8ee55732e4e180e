using System.Globalization;
using TopGun.Buckets.Tests.Simulation.Checkers;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Net;
using TopGun.Buckets.Tests.Simulation.Nodes;
using TopGun.Buckets.Tests.Simulation.Source;
using TopGun.Buckets.Tests.Simulation.Store;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Everything there is in one run: source, service, clients, what lies between them, and the checkers that watch.</summary>
internal sealed class World : IDisposable
{
    // In memory where there is such a place: what a device survives is its process, and no disk is waited for.
    private static readonly string Folders = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "topgun-sim");

    private static readonly TimeSpan UsualLength = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestReading = TimeSpan.FromMinutes(8);

    private readonly TimeSpan _livenessBound;
    private readonly SimRandom _random;
    private readonly AckChecker _acknowledgements;
    private readonly string _folder;
    private readonly List<string> _strikes = [];
    private int _phase;

    public World(Scenario scenario)
    {
        Loop = new SimLoop(scenario.Seed);
        Scenario = scenario;
        _livenessBound = TimeSpan.FromMinutes(scenario.HasPoorNetwork ? 15 : 2);
        _random = Loop.Stream("world");
        Shape = WorkloadShape.Of(Loop.Stream("workload")).Reduced(scenario);
        Application = Application.Of(Loop.Stream("application"));
        Source = new SimPostgres(
            Loop, Application.Tables, new SimSourceLatency(TimeSpan.FromMilliseconds(0.05), _random.LogBetween(TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(50))));
        Source.HistoryLost += lost =>
        {
            foreach (var workload in Application.Workloads)
                workload.OnHistoryLost(lost);
        };
        Disk = new SimDisk();
        StoreFaults = new SimStoreFaults(Loop.Stream("store"));
        NetFaults = new SimNetFaults(Loop.Stream("network"), scenario.HasPoorNetwork);
        History = new OpHistory(Loop);
        _acknowledgements = new AckChecker(Source, Disk, History);
        _folder = Directory.CreateDirectory(Path.Combine(Folders, Path.GetRandomFileName())).FullName;
        Service = new ServiceNode(this);
        Clients = [.. Enumerable.Range(0, Shape.Clients).Select(number => new ClientNode(this, number, _folder))];
    }

    public SimLoop Loop { get; }

    public Scenario Scenario { get; }

    public WorkloadShape Shape { get; }

    public Application Application { get; }

    public SimPostgres Source { get; }

    public SimDisk Disk { get; }

    public SimStoreFaults StoreFaults { get; }

    public SimNetFaults NetFaults { get; }

    public OpHistory History { get; }

    public ServiceNode Service { get; }

    public IReadOnlyList<ClientNode> Clients { get; }

    public SimulationCounts Counts { get; } = new();

    /// <summary>Whether things are being broken at the moment.</summary>
    public bool IsBreaking { get; private set; }

    /// <summary>Whether something was shown that would not survive a crash of the service.</summary>
    public bool IsAheadOfDisk => History.LastOpId > Disk.LastOpId;

    /// <summary>Notes that a fault is due.</summary>
    /// <returns>Whether it happens.</returns>
    public bool Strike(Fault kind, string number)
    {
        if (Scenario.Calm.Contains(_phase) || Scenario.Without.Contains(kind) || Scenario.Spared.Contains(number))
            return false;
        _strikes.Add(number);
        return true;
    }

    /// <summary>Runs one seed from its beginning to its end.</summary>
    public static SimulationResult Run(Scenario scenario)
    {
        using var world = new World(scenario);
        world.Loop.Run(world.RunAsync, limit: Length(scenario) + TimeSpan.FromHours(1), stepLimit: 2_000_000);
        world.Counts.Operations = world.History.Count;
        world.Counts.ReplayedOperations = world.History.Replayed;
        world.Counts.Activations = world.History.Activations;
        world.Counts.Rewrites = world.Disk.RewriteCount;
        world.Counts.Commits = world.Source.Commits.Count;
        world.Counts.Acknowledgements = world._acknowledgements.Count;
        return new SimulationResult(
            scenario, world.Loop.Failure, world.Loop.Trace.Hash, world.Loop.Step, new TimeSpan(world.Loop.Now), world.Counts)
        {
            Strikes = world._strikes,
            Phases = world._phase,
        };
    }

    public void Dispose()
    {
        foreach (var client in Clients)
            client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task RunAsync()
    {
        var seeding = Writer(0);
        await SeedAsync(seeding);
        Service.EnsureStarted();
        foreach (var client in Clients)
            client.EnsureStarted();

        var nemesis = new Nemesis(this);
        while (Loop.Failure is null)
        {
            _phase++;
            nemesis.Begin(_phase);
            await WorkAsync(nemesis);
            await nemesis.HealAsync();
            await ConvergeAsync("after work and faults");
            if (Loop.Now >= Length(Scenario).Ticks)
                break;
            await RestAsync(nemesis);
        }

        // A system that looks healed may still be wedged: only new work shows that it is not.
        for (var count = Shape.Writers; count > 0; count--)
            await seeding.WriteAsync(changes: 3, CancellationToken.None);
        await ConvergeAsync("after writing again");
    }

    /// <summary>People write, and things break.</summary>
    private async Task WorkAsync(Nemesis nemesis)
    {
        var length = _random.LogBetween(TimeSpan.FromMilliseconds(200), Shape.LongestWork);
        if (Scenario.Calm.Contains(_phase))
            return;
        using var until = new CancellationTokenSource();
        IsBreaking = true;
        NetFaults.Worsen();
        var work = Enumerable.Range(0, Shape.Writers).Select(number => Quietly(Writer(number).RunAsync(until.Token))).ToList();
        work.AddRange(Clients.Select(client => Quietly(client.WriteAsync(_phase, until.Token))));
        var breaking = Quietly(nemesis.RunAsync(until.Token));
        await Loop.Delay(length, "work");
        until.Cancel();
        await Task.WhenAll(work);
        await breaking;
        IsBreaking = false;
    }

    /// <summary>Nobody writes. Sometimes something breaks all the same, and nothing that happens helps anybody to notice.</summary>
    private async Task RestAsync(Nemesis nemesis)
    {
        await Loop.Delay(_random.LogBetween(TimeSpan.FromSeconds(20), Shape.LongestRest), "rest");
        if (_random.Chance(0.3))
        {
            await nemesis.StrikeAsync();
            await Loop.Delay(_random.LogBetween(TimeSpan.FromMilliseconds(100), Shape.LongestRest), "rest");
        }
    }

    /// <summary>What one person writes in this phase, whatever was written in others.</summary>
    private SourceWriter Writer(int number) =>
        new(Application, new Author(Source, Loop.Stream(string.Create(CultureInfo.InvariantCulture, $"writer {number} phase {_phase}")), Shape, firstNumber: _phase * 100_000));

    /// <summary>Rows that are there before the service first starts, so that there is something to take a snapshot of.</summary>
    private async Task SeedAsync(SourceWriter writer)
    {
        var transaction = Source.Begin();
        foreach (var workload in Application.Workloads)
            workload.Seed(transaction);
        transaction.Commit();
        for (var count = _random.Between(0, 30); count > 0; count--)
            await writer.WriteAsync(_random.Between(1, 5), CancellationToken.None);
    }

    /// <summary>C-LIVE: every client ends up with what the source holds, without anybody nudging it.</summary>
    /// <remarks>The bound begins when the service has read what there was to read, which takes as long as the connection to the source needs for it.</remarks>
    private async Task ConvergeAsync(string when)
    {
        var latest = Loop.Now + LongestReading.Ticks;
        var deadline = Loop.Now + _livenessBound.Ticks;
        while (true)
        {
            var behind = Clients.Select(client => client.FindDifference()).FirstOrDefault(difference => difference is not null);
            if (behind is null && Source.Slots.Values.All(slot => slot.ConfirmedFlush >= Source.LastCommit))
                return;
            if (Disk.Position < Source.LastCommit && Loop.Now < latest)
                deadline = Loop.Now + _livenessBound.Ticks;
            if (Loop.Now > deadline)
            {
                Loop.Fail("C-LIVE", $"Not converged {_livenessBound} after everything was read, {when}: {behind ?? $"the slot stands at {Source.Slots.Values.First().ConfirmedFlush}, the source at {Source.LastCommit}"}");
                return;
            }
            await Loop.Delay(TimeSpan.FromMilliseconds(200), "converge");
        }
    }

    private static TimeSpan Length(Scenario scenario) => scenario.Length ?? UsualLength;

    private static async Task Quietly(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // The phase is over.
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Torture.Checks;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>One run: people write while things break; then all is healed, has to catch up and to be equal; and then it has to go on.</summary>
internal sealed class TortureRun(TortureOptions options, Findings findings, Totals totals)
{
    private const int LeastStrikes = 5;
    private const int LateEffects = 1000;
    private const int SourceWriters = 2;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    private readonly string[] _sourceWriters = [.. Enumerable.Range(0, SourceWriters).Select(number => string.Create(CultureInfo.InvariantCulture, $"source-{number}"))];
    private readonly string[] _users = [.. Enumerable.Range(0, Math.Max(1, (options.Clients + 1) / 2)).Select(number => string.Create(CultureInfo.InvariantCulture, $"user-{number}"))];
    private readonly EffectChecker _effects = new(findings);
    private readonly HistoryChecker _source = new("the source", user: null, findings);
    private Tortured _tortured = null!;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly HashSet<long> _seenEffects = [];
    private long _lastEffect;
    private int _phase;

    public ResourceChecker Resources { get; } = new(findings);

    public async Task RunAsync(CancellationToken stop)
    {
        _tortured = await Tortured.StartAsync(options, _sourceWriters, _users, findings);
        await using var tortured = _tortured;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop, findings.Found);
        try
        {
            Tell("the first download");
            await CatchUpAsync(end.Token);
            var faults = Faults();
            Tell($"work, with {string.Join(", ", faults)}");
            await WorkAsync(options.Length, faults, LeastStrikes, end.Token);
            Tell("everything is healed");
            await HealAsync();
            await Task.Delay(Quiet, end.Token);
            Tell("catching up");
            await CatchUpAsync(end.Token);
            await CompareAsync();
            Tell("work again");
            await WorkAsync(options.Resume, [], leastStrikes: 0, end.Token);
            await CatchUpAsync(end.Token);
            await CompareAsync();
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Something was found, or somebody has enough.
        }
        if (findings.Verdict != Verdict.Passed)
            Console.Error.WriteLine(tortured.Service.Log);
    }

    private void Tell(string what) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds,6:0.0} s  {what}"));

    private IReadOnlyList<Fault> Faults()
    {
        var possible = Enum.GetValues<Fault>().Where(fault => fault != Fault.FillDisk || _tortured.HasDiskToFill).ToList();
        return options.Faults.Count > 0 ? options.Faults : Nemesis.Choose(possible, new Random(options.Seed));
    }

    /// <summary>Everybody writes, for a time, and until so much has happened that it proves something, however slow the machine is.</summary>
    private async Task WorkAsync(TimeSpan length, IReadOnlyList<Fault> faults, int leastStrikes, CancellationToken end)
    {
        _phase++;
        using var until = CancellationTokenSource.CreateLinkedTokenSource(end);
        List<Task> work = [WatchAsync(until.Token), .. _tortured.Devices.Select((device, number) => LookAsync(device, number, until.Token))];
        var writerCount = (options.Writers == Writers.Source ? 0 : options.Clients) + (options.Writers == Writers.Devices ? 0 : SourceWriters);
        var pause = TimeSpan.FromSeconds((double)writerCount / options.Rate);
        if (options.Writers != Writers.Source)
            work.AddRange(_tortured.Devices.Select((device, number) => WriteAsync(device, new Random(SeedOf(number)), pause, until.Token)));
        if (options.Writers != Writers.Devices)
            work.AddRange(_sourceWriters.Select((writer, number) => WriteAsync(writer, new Random(SeedOf(100 + number)), pause, until.Token)));
        if (faults.Count > 0)
            work.AddRange(Enumerable.Range(0, 2).Select(number => new Nemesis(_tortured, faults, new Random(SeedOf(200 + number)), totals.Note).RunAsync(until.Token)));

        try
        {
            await UntilEnoughAsync(length, writerCount, leastStrikes, work, end);
        }
        finally
        {
            await until.CancelAsync();
            await Task.WhenAll(work); // whatever is broken is mended by whoever broke it
        }
    }

    private async Task UntilEnoughAsync(TimeSpan length, int leastTransactions, int leastStrikes, List<Task> work, CancellationToken end)
    {
        var before = (totals.Transactions, totals.Strikes);
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < length || totals.Transactions - before.Transactions < leastTransactions || totals.Strikes - before.Strikes < leastStrikes)
        {
            if (Stopwatch.GetElapsedTime(started) > length + (Patience.Limit * 2))
                throw new InvalidOperationException($"Too little happened: {totals.Transactions} transactions, {totals.Strikes} faults.");
            var ended = await Task.WhenAny([Task.Delay(Look, end), .. work]);
            await ended; // of the workers only one that failed
        }
    }

    private int SeedOf(int number) => unchecked((((options.Seed * 397) + _phase) * 397) + number);

    private async Task WriteAsync(Device device, Random random, TimeSpan pause, CancellationToken until)
    {
        while (await PauseAsync(pause * 2 * random.NextDouble(), until))
        {
            try
            {
                await device.WriteAsync(TortureApp.DeviceTransaction(device.Name, random));
                totals.NoteTransaction(ofDevice: true);
            }
            catch (DeviceGoneException)
            {
                // It comes back, and what it committed is there.
            }
        }
    }

    private async Task WriteAsync(string writer, Random random, TimeSpan pause, CancellationToken until)
    {
        while (await PauseAsync(pause * 2 * random.NextDouble(), until))
        {
            if (await TryAsync(TortureApp.SourceTransaction(writer, random, _users)))
                totals.NoteTransaction(ofDevice: false);
        }
    }

    /// <summary>One transaction at the source; false where it is away, or says that another was in the way.</summary>
    private async Task<bool> TryAsync(string statements)
    {
        try
        {
            await using var connection = await _tortured.Pooled.OpenConnectionAsync();
            await using var transaction = await connection.BeginTransactionAsync();
            await using var command = new NpgsqlCommand(statements, connection, transaction);
            await command.ExecuteNonQueryAsync();
            await transaction.CommitAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    /// <summary>Looks at what a device shows, again and again.</summary>
    private async Task LookAsync(Device device, int number, CancellationToken until)
    {
        var random = new Random(SeedOf(300 + number));
        while (await PauseAsync(Look * 2 * random.NextDouble(), until))
        {
            try
            {
                await device.ReadAsync();
            }
            catch (DeviceGoneException)
            {
                // It comes back.
            }
        }
    }

    /// <summary>Looks at everything else.</summary>
    private async Task WatchAsync(CancellationToken until)
    {
        while (await PauseAsync(Look, until))
        {
            await WatchOnceAsync();
            foreach (var device in _tortured.Devices)
                await device.WatchAsync(Resources);
        }
    }

    private async Task WatchOnceAsync()
    {
        WireChecker.Observe(_tortured.Observer.Violations, findings);
        await _tortured.WatchServiceAsync(Resources);
        try
        {
            _source.Observe(ShownState.Read(await _tortured.ReadAsync(TortureApp.ReadSource)));
            await ReadEffectsAsync();
        }
        catch (NpgsqlException)
        {
            // Postgres is away.
        }
    }

    private async Task ReadEffectsAsync()
    {
        // Numbers are given before transactions commit, so a lower one of another writer may show up later; a writer's own are in order.
        var rows = await _tortured.ReadAsync(
            "SELECT number || ' ' || writer || ' ' || seq FROM effects WHERE number > $1 ORDER BY number", _lastEffect - LateEffects);
        var effects = rows.Select(row => row.Split(' ')).Where(effect => _seenEffects.Add(Number(effect[0]))).ToList();
        _effects.Observe(effects.Select(effect => (effect[1], Number(effect[2]))));
        _lastEffect = effects.Select(effect => Number(effect[0])).Append(_lastEffect).Max();
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>What is still broken is mended, and tokens are good again.</summary>
    private async Task HealAsync()
    {
        _tortured.Backend.TokenLifetime = TimeSpan.FromHours(1);
        _tortured.SourceLink.Heal();
        foreach (var device in _tortured.Devices)
            device.Link.Heal();
        await _tortured.Service.WaitUntilReadyAsync();
    }

    /// <summary>First the queues, then whatever the source has: within the deadline everybody is through with both.</summary>
    private async Task CatchUpAsync(CancellationToken end)
    {
        var nothing = new Dictionary<string, long>();
        await WaitForAllAsync(nothing, end);
        var marked = Stopwatch.GetTimestamp();
        while (!await TryAsync(TortureApp.Mark(_sourceWriters[^1])))
        {
            if (Stopwatch.GetElapsedTime(marked) > options.Deadline)
                throw new InvalidOperationException("Postgres takes no transactions.");
            await Task.Delay(Look, end);
        }
        var state = ShownState.Read(await _tortured.ReadAsync(TortureApp.ReadSource));
        await WaitForAllAsync(state.Heads, end);
    }

    private async Task WaitForAllAsync(IReadOnlyDictionary<string, long> wanted, CancellationToken end)
    {
        var (started, told) = (Stopwatch.GetTimestamp(), TimeSpan.Zero);
        foreach (var device in _tortured.Devices)
        {
            while (!EndChecker.HasCaughtUp(
                device.Name, await device.ReadStatusAsync(), await device.ReadAsync(), wanted, Stopwatch.GetElapsedTime(started) > options.Deadline, findings))
            {
                await WatchOnceAsync();
                if (Stopwatch.GetElapsedTime(started) > told + LongWait)
                {
                    told = Stopwatch.GetElapsedTime(started);
                    Tell($"{device.Name} has not caught up: {await device.ReadStatusAsync()}");
                }
                await Task.Delay(100, end);
            }
        }
    }

    private async Task CompareAsync()
    {
        await ReadEffectsAsync();
        _effects.RequireAll(_tortured.Devices.ToDictionary(device => device.Name, device => device.Committed));
        foreach (var device in _tortured.Devices)
        {
            var expected = ShownState.Read(await _tortured.ReadAsync(TortureApp.Expected, device.User));
            EndChecker.RequireEqual(device.Name, expected.Rows, (await device.ReadAsync()).Rows, findings);
        }
        var observed = ShownState.Read(await _tortured.ReadAsync(TortureApp.Expected, _tortured.Observer.User));
        var heads = observed.Heads;
        var view = await _tortured.Observer.WaitAsync(
            view => heads.All(head => view.Rows.Any(row => row.Type == "heads" && row.Id == head.Key && row["seq"] == head.Value.ToString(CultureInfo.InvariantCulture))),
            "every head");
        EndChecker.RequireEqual("the observer", observed.Rows, TortureApp.RowsOf(view), findings);
    }

    private static async Task<bool> PauseAsync(TimeSpan time, CancellationToken until)
    {
        await Task.Delay(time, until).ContinueWith(static _ => { }, TaskScheduler.Default);
        return !until.IsCancellationRequested;
    }
}

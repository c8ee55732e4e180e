using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Checkers;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Net;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>One device: the real client over a real SQLite file, through crashes.</summary>
internal sealed class ClientNode : IDisposable
{
    private readonly World _world;
    private SimRandom _random;
    private readonly SimTransport _transport;
    private readonly UploadBackend _backend;
    private readonly Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> _upload;
    private readonly string _folder;
    private SimActor? _actor;
    private BucketsClient? _client;
    private VisibleStateChecker? _visible;
    private int _life;
    private int _written;
    private OpId _shown;
    private (object Visible, long Version, object Source) _found;
    private string? _difference;

    public ClientNode(World world, int number, string folder)
    {
        _world = world;
        _folder = folder;
        Name = string.Create(CultureInfo.InvariantCulture, $"client-{number}");
        User = string.Create(CultureInfo.InvariantCulture, $"user-{number % world.Shape.Users}");
        _random = world.Loop.Stream(Name);
        _transport = new SimTransport(world, Name, User);
        _backend = new UploadBackend(world, world.Loop.Stream($"{Name} backend"));
        world.Source.HistoryLost += _ => _backend.OnHistoryLost();
        _upload = Mutants.Wrap(world.Scenario.Mutant, _backend.UploadAsync);
    }

    public string Name { get; }

    public string User { get; }

    private string Path => System.IO.Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Name}-{_life}.db"));

    public void EnsureStarted()
    {
        if (_actor is { IsAlive: true })
            return;
        _world.Loop.Record(Name, "start", $"life {_life}");
        var actor = _actor = new SimActor(_world.Loop, Name);
        actor.Start("open", () => OpenAsync(actor));
    }

    /// <summary>The process dies. What it had handed to the operating system is there for the next life, and nothing else.</summary>
    public void Crash()
    {
        if (_actor is not { IsAlive: true } actor)
            return;
        _world.Counts.ClientCrashes++;
        _world.Loop.Record(Name, "crash", $"life {_life}");
        actor.Kill();
        _transport.Cut();
        _client = null;
        _shown = _visible?.Checkpoint ?? _shown;
        _visible?.Dispose();
        _visible = null;
        var left = Path;
        _life++;
        foreach (var suffix in _world.Scenario.Mutant == Mutant.ForgetLocalWrites ? [""] : (string[])["", "-wal", "-download"])
        {
            if (File.Exists(left + suffix))
                File.Copy(left + suffix, Path + suffix);
        }
    }

    private void CrashForAWhile()
    {
        Crash();
        _world.Loop.Schedule(_world.Loop.World, _random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2)), "person", EnsureStarted);
    }

    public void Pause(TimeSpan length) => _actor?.Pause(length);

    public void CutConnection() => _transport.Cut();

    /// <summary>The connection is dead, and neither end is told.</summary>
    public void KillConnection() => _transport.Kill();

    /// <summary>Writes locally now and then, as the person in front of the device.</summary>
    public async Task WriteAsync(int phase, CancellationToken cancellationToken)
    {
        _random = _world.Loop.Stream(string.Create(CultureInfo.InvariantCulture, $"{Name} phase {phase}"));
        var longest = _random.LogBetween(TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(20));
        while (!cancellationToken.IsCancellationRequested)
        {
            await _world.Loop.Delay(_random.LogBetween(TimeSpan.FromMilliseconds(10), longest), "person", cancellationToken);
            if (_actor is { IsAlive: true } actor && _client is { } client)
                actor.Start("local-write", () => WriteAsync(client));
        }
    }

    /// <summary>How the device differs from what it should show in the end, or null when it does not.</summary>
    public string? FindDifference()
    {
        if (_visible is null)
            return $"{Name} is not open";
        var found = ((object)_visible, _visible.Version, (object)_world.Source.State);
        if (found != _found)
            (_found, _difference) = (found, Compare(_visible));
        return _difference;
    }

    public void Dispose() => _visible?.Dispose();

    private string? Compare(VisibleStateChecker visible)
    {
        if (visible.PendingUploads is var pending and > 0)
            return $"{Name} has {pending} local writes that were not uploaded ({Describe(_client?.Status)})";
        var expected = _world.Application.VisibleTo(User, _world.Source.State);
        var found = visible.ReadRows();
        if (!expected.SetEquals(found))
            return $"{Name} of {User} shows checkpoint {visible.Checkpoint} ({Describe(_client?.Status)}){Environment.NewLine}{NaiveModel.Difference(expected, found)}";
        var uploaded = _backend.CountEffects(visible.ClientId);
        if (uploaded < _written)
            _world.Loop.Fail("C-UP", $"{Name} committed {_written} local transactions, and {uploaded} took effect.");
        return null;
    }

    private static string Describe(SyncStatus? status) =>
        $"{status?.State}, blocked by {status?.BlockedBy}, download: {status?.DownloadError?.Message}, upload: {status?.UploadError?.Message}";

    private async Task OpenAsync(SimActor actor)
    {
        var execution = new WatchedExecution();
        var client = await BucketsClient.OpenAsync(new BucketsClientOptions
        {
            DatabasePath = Path,
            // Every life may be another version of the app.
            Schema = _world.Application.Version(_world.Loop.Stream($"{Name} version {_life}")),
            Credentials = CredentialsFrom.Token("simulated"),
            Upload = new UploadEach(_upload),
            Transport = _transport,
            TimeProvider = Mutants.WrapDevice(_world.Scenario.Mutant, actor.Time),
            Random = new SimSystemRandom(_world.Loop.Stream($"{Name} life {_life}")),
            Readers = 1,
            NewExecution = () => execution,
            Faults = new SimFaultPoints(_world, Name, _life, CrashForAWhile),
            OtherProcessesPoll = Timeout.InfiniteTimeSpan, // a device has its file for itself
        });
        _client = client;
        _visible = new VisibleStateChecker(_world, Name, User, Path, _shown, () => _backend.LastEffect, execution);
        actor.AfterStep = _visible.OnStep;
        await client.ConnectAsync();
    }

    private async Task WriteAsync(BucketsClient client)
    {
        var rows = await client.WriteTransactionAsync(async transaction =>
        {
            var changed = 0;
            for (var count = _random.Between(1, 3); count > 0; count--)
                changed += await ChangeAsync(transaction);
            return changed;
        });
        if (rows > 0)
            _written++;
    }

    private Task<int> ChangeAsync(WriteTransaction transaction) =>
        _world.Application.Pick(_random).ChangeLocallyAsync(transaction, _random, Name);
}

using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Nodes;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>
/// C-MODEL: whenever a device shows a checkpoint, its rows are those of the source at that commit, as the rules give them to its user. And it never
/// goes back (C-CAUSAL), each value has its one form (C-FORM), no bucket's sum is ever wrong (C-SUM), and no write of its own is undone by an older state (C-RYW).
/// </summary>
internal sealed class VisibleStateChecker : IDisposable
{
    private readonly World _world;
    private readonly string _client;
    private readonly string _user;
    private readonly Database _database;
    private readonly Statement _watch;
    private readonly Statement _version; // of the file: changes with every commit of the device
    private long _seenVersion;
    private int _seenWrites = -1;
    private readonly Func<Lsn> _lastUpload;
    private readonly WatchedExecution _execution;
    private readonly IReadOnlyList<Func<(string Checker, string Problem)?>> _watches;
    private Publish _last;
    private long _comparedVersion = -1;

    /// <summary>Begins with what an earlier life of the device left in the file.</summary>
    public VisibleStateChecker(
        World world, string client, string user, string path, OpId shownBefore, Func<Lsn> lastUpload, WatchedExecution execution)
    {
        _execution = execution;
        _lastUpload = lastUpload;
        _world = world;
        _client = client;
        _user = user;
        _database = Database.OpenReader(path);
        _watch = _database.Keep(
            "SELECT (SELECT value FROM tg_meta WHERE key = 'published'), (SELECT max(last_synced_at) FROM tg_sync_state), "
            + "(SELECT bucket FROM tg_mismatch)");
        _version = _database.Keep("PRAGMA data_version");
        _watches = [.. world.Application.Workloads.Select(workload => workload.Watch(_database, client)).OfType<Func<(string, string)?>>()];
        Checkpoint = shownBefore;
        _last = ReadPublish();
        MoveTo(_last.Checkpoint);
    }

    /// <summary>The checkpoint that is visible.</summary>
    public OpId Checkpoint { get; private set; }

    /// <summary>Which state the file is in: another number after each commit.</summary>
    public long Version
    {
        get
        {
            if (_seenWrites != _execution.Writes)
            {
                _seenWrites = _execution.Writes;
                _version.Step();
                _seenVersion = _version.Int64(0);
                _version.Reset();
            }
            return _seenVersion;
        }
    }

    /// <summary>Local writes that wait.</summary>
    public long PendingUploads => _database.Prepare("SELECT count(*) FROM tg_crud").RunInt64() ?? 0;

    public string ClientId => _database.Prepare("SELECT value FROM tg_meta WHERE key = 'client_id'").RunText()!;

    /// <summary>Called after every step of the device, so it is to cost little.</summary>
    public void OnStep()
    {
        if (Version == _comparedVersion)
            return;
        _comparedVersion = Version;
        foreach (var watch in _watches)
        {
            if (watch() is { } found)
                _world.Loop.Fail(found.Checker, found.Problem);
        }
        var publish = ReadPublish();
        if (publish == _last)
            return;
        _last = publish;
        _world.Counts.Checkpoints++;
        MoveTo(publish.Checkpoint);
        if (PendingUploads == 0)
            Compare(Checkpoint);
    }

    /// <summary>Every visible row, as <see cref="NaiveModel"/> writes it.</summary>
    public SortedSet<string> ReadRows() => _world.Application.ShownBy(_database);

    public void Dispose() => _database.Dispose();

    private Publish ReadPublish()
    {
        _watch.Step();
        var publish = new Publish(_watch.Int64(0), _watch.Int64(1));
        if (_watch.Text(2) is { } bucket && !_world.History.WasLost(bucket))
            _world.Loop.Fail("C-SUM", $"{_client} found a wrong checksum in {bucket}.");
        _watch.Reset();
        return publish;
    }

    private void MoveTo(long published)
    {
        var checkpoint = new OpId((ulong)published);
        if (checkpoint < Checkpoint)
            _world.Loop.Fail("C-CAUSAL", $"{_client} went back from checkpoint {Checkpoint} to {checkpoint}.");
        Checkpoint = checkpoint;
    }

    private void Compare(OpId checkpoint)
    {
        if (_world.History.PositionOf(checkpoint) is not { } position)
        {
            _world.Loop.Fail("C-MODEL", $"{_client} shows checkpoint {checkpoint}, which nobody published.");
            return;
        }
        if (position < _lastUpload())
            _world.Loop.Fail("C-RYW", $"{_client} shows checkpoint {checkpoint}, which is {position}, though its upload at {_lastUpload()} is done.");
        var found = ReadRows();
        _world.Loop.Record(_client, "publish", $"{checkpoint} at {position}: {found.Count} rows");
        SortedSet<string>? expected = null;
        foreach (var state in _world.Source.StatesAt(position))
        {
            var visible = _world.Application.VisibleTo(_user, state);
            if (visible.SetEquals(found))
                return;
            expected ??= visible;
        }
        if (expected is not null)
        {
            _world.Loop.Fail(
                NaiveModel.CheckerOf(expected, found),
                $"{_client} of {_user} shows checkpoint {checkpoint}, which is {position}:{Environment.NewLine}{NaiveModel.Difference(expected, found)}");
        }
    }

    /// <summary>What the file says of the newest checkpoint that became visible.</summary>
    private readonly record struct Publish(long Checkpoint, long At);
}

using System.Text.Json.Serialization;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>What the source gives, in order. Everything in one event becomes durable together with <see cref="State"/>.</summary>
/// <param name="State">Where replication goes on after this event, to be stored with it; null when it did not change but for the position.</param>
public abstract record SourceEvent(ReplicationState? State);

/// <summary>Replication starts with empty buckets: everything stored for earlier rows is void, and a snapshot follows.</summary>
/// <param name="State">The new slot and its identity.</param>
/// <param name="Reason">For the log and the status page.</param>
public sealed record SnapshotStarted(ReplicationState State, string Reason) : SourceEvent(State);

/// <summary>Rows of one table, read by the snapshot. A row that is known already is to be left alone.</summary>
/// <param name="State">Holds the key of the last row, to resume after it.</param>
/// <param name="Table">The table.</param>
/// <param name="Rows">Valid until the next event is asked for.</param>
public sealed record SnapshotRows(ReplicationState State, SourceTable Table, RowBuffer Rows) : SourceEvent(State);

/// <summary>All tables have been read. Nothing may become visible before the stream has reached <see cref="ReplicationState.VisibleFrom"/>.</summary>
public sealed record SnapshotEnded(ReplicationState State) : SourceEvent(State);

/// <summary>
/// Some tables are read again, or for the first time, while everything goes on. From here on their changes are kept aside as well, to be joined with
/// what is read; what was kept aside for them before is void.
/// </summary>
/// <param name="State">The tables are marked in it.</param>
/// <param name="Tables">The tables; none when only the state changed.</param>
public sealed record RefreshStarted(ReplicationState State, IReadOnlyList<RefreshedTable> Tables) : SourceEvent(State);

/// <summary>
/// Rows of a table that is read again. The stream has passed the moment at which they were read: a row that a change has brought or taken away since the
/// refresh started is to be left alone.
/// </summary>
/// <param name="State">Tells where to read on.</param>
/// <param name="Table">The table.</param>
/// <param name="Rows">Valid until the next event is asked for.</param>
public sealed record RefreshRows(ReplicationState State, SourceTable Table, RowBuffer Rows) : SourceEvent(State);

/// <summary>What was kept aside of some tables takes the place of their rows, in one step; and the rows of others leave with it.</summary>
/// <param name="State">The state with the tables as they are from here on.</param>
/// <param name="Read">Oids of tables that have been read to their ends.</param>
/// <param name="Left">Oids of tables that are gone.</param>
public sealed record RefreshEnded(ReplicationState State, IReadOnlyList<uint> Read, IReadOnlyList<uint> Left) : SourceEvent(State)
{
    /// <summary>Oids of tables that cannot be read: they stay as they are, and nobody waits for them.</summary>
    public IReadOnlyList<uint> Refused { get; init; } = [];
}

/// <summary>
/// Changes may be missing, so nothing that follows may join what is stored. All tables are read again from a new slot, as by
/// <see cref="RefreshStarted"/>; until that refresh ends what was visible stays visible and nothing new becomes so.
/// </summary>
/// <param name="State">The new slot and its identity.</param>
/// <param name="Reason">For the log and the status page.</param>
/// <param name="Tables">All tables.</param>
public sealed record ContinuityLost(ReplicationState State, string Reason, IReadOnlyList<RefreshedTable> Tables) : SourceEvent(State);

/// <summary>A table that is read again.</summary>
/// <param name="Table">The table as the catalogue has it.</param>
/// <param name="Replaces">Oid of the table that had this name before, when that was another; otherwise 0.</param>
public sealed record RefreshedTable(SourceTable Table, uint Replaces);

/// <summary>
/// Another server has taken the source's place, which has all that is stored. What an earlier process has shown beyond that it may not have, and give the
/// same positions to something else.
/// </summary>
/// <param name="State">With the server's timeline.</param>
public sealed record FailedOver(ReplicationState State) : SourceEvent(State);

/// <summary>The stream reached this position and there was nothing for us in between. Its state is set only when that changed otherwise.</summary>
/// <param name="Position">Everything that committed before it has been delivered.</param>
public sealed record PositionReached(Lsn Position) : SourceEvent(default(ReplicationState));

/// <summary>A committed transaction of the source.</summary>
/// <param name="State">Set when the transaction brought a new table definition.</param>
/// <param name="Transaction">Valid until the next event is asked for.</param>
public sealed record TransactionCommitted(ReplicationState? State, SourceTransaction Transaction) : SourceEvent(State);

/// <summary>Where replication stands, apart from its position: stored by the bucket log, understood only here.</summary>
/// <param name="Slot">Name of the replication slot.</param>
/// <param name="SystemId">Identity of the source's cluster.</param>
/// <param name="Timeline">Its timeline.</param>
/// <param name="Epoch">Counts breaks of continuity; part of what write-checkpoint ids are made of.</param>
/// <param name="SnapshotDone">Whether all tables have been read.</param>
/// <param name="VisibleFrom">Position that the stream has to reach before anything read by the snapshot may be shown.</param>
/// <param name="Tables">Progress by table.</param>
public sealed record ReplicationState(
    string Slot,
    string SystemId,
    uint Timeline,
    int Epoch,
    bool SnapshotDone,
    Lsn VisibleFrom,
    IReadOnlyList<TableProgress> Tables)
{
    /// <summary>The slot's consistent point: the slot cannot have been confirmed beyond it before anything was stored.</summary>
    public Lsn StartPosition { get; init; }

    /// <summary>128 random bits in hexadecimal, in every marker we write: messages of others are told apart by it.</summary>
    public string MarkerTag { get; init; } = "";

    /// <summary>Set while everything is read again because changes were lost: what is visible is as old as this.</summary>
    public Staleness? Stale { get; init; }

    /// <summary>Oids of tables whose rows leave when the refresh under way ends.</summary>
    public IReadOnlyList<uint> Leaving { get; init; } = [];

    /// <summary>Whether nothing is left of what it spoke of but the epoch, from which the next one counts on.</summary>
    [JsonIgnore]
    public bool IsVoid => Slot.Length == 0;

    /// <summary>What remains of a state when everything stored has become void: ids of write checkpoints still grow from what was given out.</summary>
    public static ReplicationState Void(int epoch) => new("", "", Timeline: 0, epoch, SnapshotDone: false, Lsn.None, []);

    /// <summary>JSON, for the store.</summary>
    public byte[] Serialize() => ReplicationStateJson.Serialize(this);

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    public static ReplicationState Parse(ReadOnlySpan<byte> json) => ReplicationStateJson.Parse(json);
}

/// <summary>Why something that is stored is not as it is at the source, and since when this is known.</summary>
/// <param name="Reason">In a clause.</param>
/// <param name="Since">By our clock; for display.</param>
public sealed record Staleness(string Reason, DateTimeOffset Since);

/// <summary>How far the snapshot of one table is.</summary>
/// <param name="RelationId">Postgres' oid.</param>
/// <param name="Schema">Schema name.</param>
/// <param name="Name">Table name.</param>
/// <param name="Done">Whether it has been read to its end.</param>
/// <param name="LastKey">Key of the last row read, when it is read by key.</param>
/// <param name="RowCount">Rows read so far.</param>
public sealed record TableProgress(
    uint RelationId, string Schema, string Name, bool Done, IReadOnlyList<string>? LastKey, long RowCount)
{
    /// <summary>The file whose blocks are read; 0 when it is read by key, or not begun. See <see cref="TableFile"/>.</summary>
    public uint File { get; init; }

    /// <summary>Blocks of the file read so far.</summary>
    public long NextBlock { get; init; }

    /// <summary>Blocks that the file had when its reading began: what was added since comes through the stream.</summary>
    public long EndBlock { get; init; }

    /// <summary>The key columns and their types: rows stored under another key cannot be found again.</summary>
    public string Key { get; init; } = "";

    /// <summary>Set while the stored rows of the table may not be its rows.</summary>
    public Staleness? Stale { get; init; }

    /// <summary>Whether it is being read in the background, or has been and waits for others to be.</summary>
    public bool IsStaged { get; init; }

    /// <summary>Whether all that has been read of it is of no use, and its reading has to be begun anew.</summary>
    public bool IsVoid { get; init; }

    /// <summary>Counts how often its reading was begun: what an earlier attempt read is void.</summary>
    public int Attempt { get; init; }

    /// <summary>The table as the catalogue had it when its rows were known to be right; null when nobody has looked yet.</summary>
    public TableShape? Shape { get; init; }
}

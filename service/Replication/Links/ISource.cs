using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>The source server as this room sees it: two kinds of connections, and nothing else. Npgsql implements it; so does the simulation.</summary>
public interface ISource
{
    /// <summary>Opens an ordinary session with the pinned settings.</summary>
    /// <exception cref="BucketsException">The server cannot be reached (TGB1101) or refuses us (TGB1103).</exception>
    ValueTask<ISourceSession> OpenSessionAsync(CancellationToken cancellationToken);

    /// <summary>Opens a walsender connection with the same settings.</summary>
    /// <exception cref="BucketsException">The server cannot be reached (TGB1101) or refuses us (TGB1103).</exception>
    ValueTask<IReplicationLink> OpenReplicationAsync(CancellationToken cancellationToken);
}

/// <summary>A walsender connection: raw XLogData in, standby status out.</summary>
public interface IReplicationLink : IAsyncDisposable
{
    /// <summary><c>IDENTIFY_SYSTEM</c>.</summary>
    ValueTask<SourceIdentity> IdentifyAsync(CancellationToken cancellationToken);

    /// <summary>The history file of a timeline: for each one before it, its number, where it ended, and why.</summary>
    ValueTask<string> ReadTimelineHistoryAsync(uint timeline, CancellationToken cancellationToken);

    /// <summary>Creates a logical pgoutput slot without an exported snapshot; where standbys can keep a copy of it (from version 17 on), they may.</summary>
    /// <returns>Its consistent point: every transaction that commits after it will be delivered whole.</returns>
    ValueTask<Lsn> CreateSlotAsync(string slot, CancellationToken cancellationToken);

    /// <summary>Says who reads, to whom <see cref="ISourceSession.EndReaderAsync"/> may come later. Not every server can be told.</summary>
    ValueTask NameReaderAsync(string reader, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>Starts streaming from the slot's confirmed position. After this only the two methods below are called.</summary>
    ValueTask StartAsync(string slot, string publication, CancellationToken cancellationToken);

    /// <summary>Reads the next message of the stream; waits while there is none.</summary>
    /// <returns>Valid until the next call.</returns>
    /// <exception cref="BucketsException">The connection ended (TGB1101), or the slot is unusable (TGB1102).</exception>
    ValueTask<WalMessage> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Reports everything before <paramref name="flushed"/> as durable. May be called while a read is waiting.</summary>
    ValueTask SendStatusAsync(Lsn flushed, CancellationToken cancellationToken);
}

/// <summary>One XLogData message, or a keepalive.</summary>
/// <param name="Start">WAL position of the data; for a keepalive the server's current position.</param>
/// <param name="ServerEnd">End of WAL on the server as it sent this.</param>
/// <param name="Data">The pgoutput message; empty for a keepalive.</param>
public readonly record struct WalMessage(Lsn Start, Lsn ServerEnd, ReadOnlyMemory<byte> Data)
{
    /// <summary>Whether this only tells how far the server is.</summary>
    public bool IsKeepalive => Data.IsEmpty;
}

/// <summary>What <c>IDENTIFY_SYSTEM</c> answers.</summary>
public sealed record SourceIdentity(string SystemId, uint Timeline, Lsn Position, string Database);

/// <summary>An ordinary session: the named queries that replication needs.</summary>
public interface ISourceSession : IAsyncDisposable
{
    /// <summary>Server version number and the settings that matter, by name (<c>wal_level</c>, <c>wal_sender_timeout</c> …).</summary>
    ValueTask<ServerSettings> ReadSettingsAsync(CancellationToken cancellationToken);

    /// <summary>The slot of that name, or null.</summary>
    ValueTask<SlotStatus?> FindSlotAsync(string slot, CancellationToken cancellationToken);

    /// <summary>Drops the slot if it exists.</summary>
    ValueTask DropSlotAsync(string slot, CancellationToken cancellationToken);

    /// <summary>Drops the slot even if a connection of ours reads from it, which is ended.</summary>
    ValueTask GiveUpSlotAsync(string slot, CancellationToken cancellationToken);

    /// <summary>Ends the connection that reads the slot if it has said that it is this reader, and waits a while until it has let go.</summary>
    ValueTask EndReaderAsync(string slot, string reader, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>Transactions that have written and not ended; the oldest of them if there are many.</summary>
    ValueTask<IReadOnlyList<OpenTransaction>> FindOpenTransactionsAsync(CancellationToken cancellationToken);

    /// <summary>The publication of that name with its tables, or null.</summary>
    ValueTask<PublicationStatus?> FindPublicationAsync(string publication, CancellationToken cancellationToken);

    /// <summary>Creates a publication of exactly these tables, or adds those that are missing.</summary>
    /// <exception cref="BucketsException">The role may not (TGB1106).</exception>
    ValueTask EnsurePublicationAsync(string publication, IReadOnlyList<TablePattern> tables, CancellationToken cancellationToken);

    /// <summary>Takes a table out of the publication.</summary>
    /// <exception cref="BucketsException">The role may not, or it is a publication of all tables.</exception>
    ValueTask UnpublishAsync(string publication, SourceTable table, CancellationToken cancellationToken);

    /// <summary>Schema and name of those of these oids that are relations.</summary>
    ValueTask<IReadOnlyDictionary<uint, (string Schema, string Name)>> FindNamesAsync(
        IReadOnlyCollection<uint> relationIds, CancellationToken cancellationToken);

    /// <summary>Whether the event trigger is there and enabled; see <see cref="DefinitionTrigger"/>.</summary>
    ValueTask<bool> HasDefinitionTriggerAsync(CancellationToken cancellationToken);

    /// <summary>Makes the event trigger.</summary>
    /// <exception cref="BucketsException">The role may not.</exception>
    ValueTask CreateDefinitionTriggerAsync(CancellationToken cancellationToken);

    /// <summary>Transactions that have written and are running to other sessions: those that are open, and those whose commit is not shown yet.</summary>
    ValueTask<IReadOnlySet<uint>> ReadRunningAsync(CancellationToken cancellationToken);

    /// <summary>Ordinary tables that match the patterns, with their columns and identity as the stream will show them, and their types described.</summary>
    ValueTask<IReadOnlyList<SourceTableInfo>> FindTablesAsync(
        IReadOnlyList<TablePattern> patterns, CancellationToken cancellationToken);

    /// <summary>How these types are built. Plain types and those that do not exist are left out.</summary>
    ValueTask<IReadOnlyDictionary<uint, SourceType>> FindTypesAsync(IReadOnlyCollection<uint> typeIds, CancellationToken cancellationToken);

    /// <summary>End of WAL that has been handed out (<c>pg_current_wal_insert_lsn</c>).</summary>
    ValueTask<Lsn> ReadInsertPositionAsync(CancellationToken cancellationToken);

    /// <summary>Where a table's rows lie now; null when it cannot be read by blocks, so that only its key is left to go by.</summary>
    ValueTask<TableFile?> FindFileAsync(SourceTableInfo table, CancellationToken cancellationToken);

    /// <summary>Reads the rows that lie in some blocks of a table, in the stream's text form.</summary>
    /// <param name="table">Table to read.</param>
    /// <param name="firstBlock">The first block.</param>
    /// <param name="endBlock">The block after the last.</param>
    /// <param name="limitBytes">The read is given up once the rows are longer than this.</param>
    /// <param name="rows">Filled with the rows.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <returns>False when it was given up: fewer blocks have to be asked for.</returns>
    ValueTask<bool> ReadBlocksAsync(
        SourceTableInfo table, long firstBlock, long endBlock, int limitBytes, RowBuffer rows, CancellationToken cancellationToken);

    /// <summary>
    /// Reads the next rows of a table in key order, in the stream's text form. Fewer than <paramref name="limit"/> rows mean the table ended.
    /// </summary>
    /// <param name="table">Table to read; a table without a usable key is read whole, with an empty <paramref name="afterKey"/>.</param>
    /// <param name="afterKey">Texts of the key columns of the last row read; null starts at the beginning.</param>
    /// <param name="limit">Number of rows at most.</param>
    /// <param name="rows">Filled with the rows.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    ValueTask ReadRowsAsync(
        SourceTableInfo table, IReadOnlyList<string>? afterKey, int limit, RowBuffer rows, CancellationToken cancellationToken);

    /// <summary>Rows with the given keys as they are now, for values that the stream left out.</summary>
    ValueTask ReadRowsByKeyAsync(
        SourceTableInfo table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken);

    /// <summary>
    /// Commits a transaction of its own, with <c>synchronous_commit=local</c>, that holds only a transactional logical message.
    /// </summary>
    ValueTask EmitMessageAsync(string prefix, ReadOnlyMemory<byte> content, CancellationToken cancellationToken);
}

/// <summary>Server version (such as 150004) and settings by name.</summary>
public sealed record ServerSettings(int Version, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>Replication slots that could still be created.</summary>
    public int FreeSlots { get; init; } = int.MaxValue;

    /// <summary>Walsender connections that could still be opened.</summary>
    public int FreeWalSenders { get; init; } = int.MaxValue;

    /// <summary>Whether our role may replicate.</summary>
    public bool CanReplicate { get; init; } = true;

    /// <summary>Whether our role may create objects, such as a publication, in the database.</summary>
    public bool CanCreate { get; init; } = true;

    /// <summary>Whether a standby answers, which neither takes markers nor has our slot.</summary>
    public bool IsStandby { get; init; }

    /// <summary>Name of the database.</summary>
    public string Database { get; init; } = "";
}

/// <summary>A row of <c>pg_replication_slots</c>.</summary>
public sealed record SlotStatus(
    string Name, string? Plugin, string? Database, bool IsActive, int? ActivePid, Lsn ConfirmedFlush, string? WalStatus, long? SafeWalSize)
{
    /// <summary>The server keeps WAL from here on for it.</summary>
    public Lsn RestartPosition { get; init; }

    /// <summary>How much WAL that is; null on a standby, or when the slot has lost its WAL.</summary>
    public long? HeldBytes { get; init; }

    /// <summary>Why it was invalidated, in the server's word; null before version 17, or when it was not.</summary>
    public string? InvalidationReason { get; init; }

    /// <summary>Whether standbys may keep a copy of it; null before version 17.</summary>
    public bool? HasFailover { get; init; }

    /// <summary>Whether it holds back far more than its reader has confirmed: the server needs it for a transaction that has not ended.</summary>
    public bool IsHeldByTransaction =>
        HeldBytes is > 0 and var held && ConfirmedFlush > RestartPosition && (long)(ConfirmedFlush.Value - RestartPosition.Value) > held / 2;
}

/// <summary>A row of <c>pg_publication</c> with its tables.</summary>
public sealed record PublicationStatus(
    string Name, bool Insert, bool Update, bool Delete, bool Truncate, bool ViaRoot, IReadOnlyList<TablePattern> Tables)
{
    /// <summary>Whether our role may change it.</summary>
    public bool IsOwned { get; init; } = true;
}

/// <summary>A table of the source with what the stream does not say of it.</summary>
/// <param name="Table">The table as the stream shows it.</param>
/// <param name="EstimatedRows">From the planner's statistics, or −1.</param>
/// <param name="IsPublished">Whether the publication holds it.</param>
/// <param name="CanSelect">Whether our role may read it.</param>
/// <param name="HasRowSecurity">Whether row security may hide rows from our role.</param>
/// <param name="RowFilter">Row filter of the publication as SQL, or null.</param>
/// <param name="Problem">Why updates and deletes could not be replicated, in a sentence, or null.</param>
public sealed record SourceTableInfo(
    SourceTable Table, long EstimatedRows, bool IsPublished, bool CanSelect, bool HasRowSecurity, string? RowFilter, string? Problem)
{
    /// <summary>Whether the key columns have an order and no nulls, so that the table can be read in chunks. Otherwise it is read whole.</summary>
    public bool CanReadByKey { get; init; } = true;

    /// <summary>Positions of the key columns in the order of the key's index, which makes reading in that order cheap; null: in the order of the table.</summary>
    public IReadOnlyList<int>? KeyOrder { get; init; }

    /// <summary>Blocks that it takes up, as the planner last counted them, with those of its large values; 0 when it has not.</summary>
    public long EstimatedBlocks { get; init; }

    /// <summary>Whether our role owns it, and so may publish it.</summary>
    public bool IsOwned { get; init; } = true;

    /// <summary>Whether it is the root of partitions, which hold its rows.</summary>
    public bool IsPartitioned { get; init; }

    /// <summary>What to do about the problem, as SQL where that can be said.</summary>
    public string? Remedy { get; init; }

    /// <summary>The table under whose name the publication brings its rows, because it is a partition of that; null when it brings them under its own.</summary>
    public TablePattern? PublishedRoot { get; init; }

    /// <summary>What tells of changes that bring no events; null when the source cannot say.</summary>
    public TableShape? Shape { get; init; }
}

/// <summary>Where a table's rows lie.</summary>
/// <param name="Id">Changes when the table is rewritten or truncated: then its rows are in other places, and nothing in the stream says so.</param>
/// <param name="BlockCount">Blocks of the file, without those of large values.</param>
public sealed record TableFile(uint Id, long BlockCount);

using System.Globalization;
using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>An ordinary session. Each query sees what is committed at one instant between the question and the answer.</summary>
internal sealed class SimSourceSession(SimPostgres server) : SimConnection(server), ISourceSession
{
    public async ValueTask<ServerSettings> ReadSettingsAsync(CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return new ServerSettings(150004, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["wal_level"] = "logical",
            ["max_replication_slots"] = "10",
            ["max_wal_senders"] = "10",
            ["wal_sender_timeout"] = "60000",
            ["max_slot_wal_keep_size"] = "-1",
            ["server_encoding"] = "UTF8",
            ["DateStyle"] = "ISO, MDY",
            ["TimeZone"] = "UTC",
            ["IntervalStyle"] = "postgres",
            ["extra_float_digits"] = "3",
            ["bytea_output"] = "hex",
            ["client_encoding"] = "UTF8",
        });
    }

    public async ValueTask<SlotStatus?> FindSlotAsync(string slot, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        var found = Server.Slots.GetValueOrDefault(slot) is { } status
            ? new SlotStatus(
                slot, "pgoutput", "app", status.Link is not null, status.Link is null ? null : 4711, status.ConfirmedFlush, "reserved", null)
            : null;
        await TravelAsync(cancellationToken);
        return found;
    }

    public async ValueTask DropSlotAsync(string slot, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        if (Server.Slots.TryGetValue(slot, out var found) && found.Link is not null)
            throw new BucketsException("TGB1102", $"The slot {slot} is active.", "Stop its reader first.");
        Server.Slots.Remove(slot);
        await TravelAsync(cancellationToken);
    }

    public ValueTask GiveUpSlotAsync(string slot, CancellationToken cancellationToken) =>
        throw new NotSupportedException("The simulated source has room for any amount of WAL.");

    public async ValueTask<IReadOnlyList<OpenTransaction>> FindOpenTransactionsAsync(CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return [];
    }

    public async ValueTask<PublicationStatus?> FindPublicationAsync(string publication, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return Server.Publications.TryGetValue(publication, out var tables)
            ? new PublicationStatus(
                publication, Insert: true, Update: true, Delete: true, Truncate: true, ViaRoot: false,
                [.. tables.Order(StringComparer.Ordinal).Select(table => new TablePattern("public", table))])
            : null;
    }

    public async ValueTask EnsurePublicationAsync(
        string publication, IReadOnlyList<TablePattern> tables, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        if (!Server.Publications.TryGetValue(publication, out var published))
            Server.Publications.Add(publication, published = new HashSet<string>(StringComparer.Ordinal));
        foreach (var table in Server.Tables.Where(table => tables.Any(pattern => Matches(pattern, table))))
            published.Add(table.Name);
        await TravelAsync(cancellationToken);
    }

    public async ValueTask UnpublishAsync(string publication, SourceTable table, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        Server.Publications[publication].Remove(table.Name);
        await TravelAsync(cancellationToken);
    }

    public async ValueTask<IReadOnlyDictionary<uint, (string Schema, string Name)>> FindNamesAsync(
        IReadOnlyCollection<uint> relationIds, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return Server.Tables
            .Where(table => relationIds.Contains(table.Table.RelationId))
            .ToDictionary(table => table.Table.RelationId, table => (table.Table.Schema, table.Name));
    }

    public ValueTask<bool> HasDefinitionTriggerAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask CreateDefinitionTriggerAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public async ValueTask<IReadOnlySet<uint>> ReadRunningAsync(CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return Server.RunningTransactions.Select(transaction => transaction.Id).ToHashSet();
    }

    public async ValueTask<IReadOnlyList<SourceTableInfo>> FindTablesAsync(
        IReadOnlyList<TablePattern> patterns, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return
        [
            .. Server.Tables
                .Where(table => patterns.Any(pattern => Matches(pattern, table)))
                .Select(table => new SourceTableInfo(
                    table.Table,
                    EstimatedRows: Server.State.Rows(table.Name).Count,
                    IsPublished: Server.Publications.Values.Any(tables => tables.Contains(table.Name)),
                    CanSelect: true,
                    HasRowSecurity: false,
                    RowFilter: null,
                    Problem: null)),
        ];
    }

    public async ValueTask<IReadOnlyDictionary<uint, SourceType>> FindTypesAsync(
        IReadOnlyCollection<uint> typeIds, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return new Dictionary<uint, SourceType>(); // the simulated tables have built-in types only
    }

    public async ValueTask<Lsn> ReadInsertPositionAsync(CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        var position = Server.InsertPosition;
        await TravelAsync(cancellationToken);
        return position;
    }

    public async ValueTask<TableFile?> FindFileAsync(SourceTableInfo table, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        var file = Server.FileOf(table.Table.Name);
        await TravelAsync(cancellationToken);
        return file;
    }

    public async ValueTask<bool> ReadBlocksAsync(
        SourceTableInfo table, long firstBlock, long endBlock, int limitBytes, RowBuffer rows, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        rows.Clear(table.Table.Columns.Count);
        foreach (var row in Server.State.Rows(table.Table.Name).Values.OrderBy(row => row.Block))
        {
            if (row.Block >= firstBlock && row.Block < endBlock)
                Add(rows, row);
        }
        Server.Loop.Record(
            "source", "blocks", string.Create(CultureInfo.InvariantCulture, $"{table.Table.Name} {firstBlock} to {endBlock}: {rows.RowCount} rows"));
        await TravelAsync(cancellationToken);
        return rows.ByteCount <= limitBytes;
    }

    public async ValueTask ReadRowsAsync(
        SourceTableInfo table, IReadOnlyList<string>? afterKey, int limit, RowBuffer rows, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        rows.Clear(table.Table.Columns.Count);
        var after = afterKey is { Count: > 0 } ? SimTable.KeyOf(afterKey) : null;
        foreach (var (key, row) in Server.State.Rows(table.Table.Name))
        {
            if (rows.RowCount == limit)
                break;
            if (after is null || string.CompareOrdinal(key, after) > 0)
                Add(rows, row);
        }
        Server.Loop.Record("source", "chunk", $"{table.Table.Name} after {after ?? "the start"}: {rows.RowCount} rows");
        await TravelAsync(cancellationToken);
    }

    public async ValueTask ReadRowsByKeyAsync(
        SourceTableInfo table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        rows.Clear(table.Table.Columns.Count);
        var state = Server.State.Rows(table.Table.Name);
        foreach (var key in keys)
        {
            if (state.TryGetValue(SimTable.KeyOf(key), out var row))
                Add(rows, row);
        }
        Server.Loop.Record(
            "source", "fetch", string.Create(CultureInfo.InvariantCulture, $"{table.Table.Name}: {rows.RowCount} of {keys.Count} rows"));
        await TravelAsync(cancellationToken);
    }

    public async ValueTask EmitMessageAsync(string prefix, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var copy = content.ToArray();
        await TravelAsync(cancellationToken);
        var transaction = Server.Begin();
        transaction.Message(prefix, copy);
        transaction.Commit();
        await TravelAsync(cancellationToken); // the connection may break after the commit: then nobody knows
    }

    private static bool Matches(TablePattern pattern, SimTable table) =>
        pattern.Schema == table.Table.Schema
        && (pattern.Name.EndsWith('%')
            ? table.Name.StartsWith(pattern.Name[..^1], StringComparison.Ordinal)
            : pattern.Name == table.Name);

    private static void Add(RowBuffer rows, SimRow row)
    {
        foreach (var value in row.Values)
        {
            if (value is null)
                rows.Add(SourceValueKind.Null, default);
            else
                rows.Add(SourceValueKind.Text, Encoding.UTF8.GetBytes(value));
        }
    }
}

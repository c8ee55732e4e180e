using System.Globalization;
using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <content>Reading rows.</content>
internal sealed partial class NpgsqlSourceSession
{
    // Oids below belong to types that every server has.
    private const uint FirstUserTypeId = 16384;

    private const int FirstVersionWithBlockRanges = 14;
    private const int LargestRead = 1 << 30;

    // What turns a type's values into text, as a qualified name. The stream uses the same functions; a cast to text may print something else.
    private readonly Dictionary<uint, string> _outputFunctions = [];

    public async ValueTask<TableFile?> FindFileAsync(SourceTableInfo table, CancellationToken cancellationToken)
    {
        // Before version 14 each range of blocks would be found by reading the whole table.
        if (connection.PostgreSqlVersion.Major < FirstVersionWithBlockRanges || table.IsPartitioned)
            return null;
        var rows = await QueryAsync(
            "SELECT pg_relation_filenode(c.oid)::text, (pg_relation_size(c.oid) / current_setting('block_size')::bigint)::text"
            + " FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
            + string.Create(CultureInfo.InvariantCulture, $" WHERE c.oid = {table.Table.RelationId} AND c.relkind = 'r' AND a.amname = 'heap'"),
            cancellationToken);
        return rows is [[{ } file, { } blocks], ..]
            ? new TableFile(uint.Parse(file, CultureInfo.InvariantCulture), long.Parse(blocks, CultureInfo.InvariantCulture))
            : null;
    }

    public ValueTask<bool> ReadBlocksAsync(
        SourceTableInfo table, long firstBlock, long endBlock, int limitBytes, RowBuffer rows, CancellationToken cancellationToken)
    {
        List<string> conditions = [string.Create(CultureInfo.InvariantCulture, $"ctid >= '({firstBlock},0)' AND ctid < '({endBlock},0)'")];
        if (table.RowFilter is not null)
            conditions.Add($"({table.RowFilter})");
        return CopyAsync(table, conditions, "", limitBytes, rows, cancellationToken);
    }

    public async ValueTask ReadRowsAsync(
        SourceTableInfo table, IReadOnlyList<string>? afterKey, int limit, RowBuffer rows, CancellationToken cancellationToken)
    {
        var key = KeyColumns(table);
        var conditions = new List<string>();
        if (table.RowFilter is not null)
            conditions.Add($"({table.RowFilter})");
        if (afterKey is { Count: > 0 } && table.CanReadByKey)
            conditions.Add($"({List(key, KeyText)}) > ({List(KeyValues(table, key, afterKey), SqlText.Literal)})");
        var order = table.CanReadByKey
            ? string.Create(CultureInfo.InvariantCulture, $" ORDER BY {List(key, KeyText)} LIMIT {limit}")
            : "";
        await CopyWholeAsync(table, conditions, order, rows, cancellationToken);

        string KeyText(int column) => KeyExpression(table.Table.Columns[column]);
    }

    public async ValueTask ReadRowsByKeyAsync(
        SourceTableInfo table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        if (keys.Count == 0)
        {
            rows.Clear(table.Table.Columns.Count);
            return;
        }
        var key = KeyColumns(table);
        var condition =
            $"({List(key, column => KeyExpression(table.Table.Columns[column]))})"
            + $" IN ({List(keys, values => $"({List(KeyValues(table, key, values), SqlText.Literal)})")})";
        await CopyWholeAsync(table, [condition], "", rows, cancellationToken);
    }

    private async ValueTask CopyWholeAsync(
        SourceTableInfo table, List<string> conditions, string order, RowBuffer rows, CancellationToken cancellationToken)
    {
        if (!await CopyAsync(table, conditions, order, LargestRead, rows, cancellationToken))
        {
            throw new BucketsException(
                SourceFailure.TableUnusable,
                $"Rows of table '{table.Table.Schema}.{table.Table.Name}' that have to be read at once are longer than {LargestRead} bytes.",
                table.CanReadByKey ? "Make the rows smaller." : "Give it a primary key.");
        }
    }

    /// <summary>Reads rows; false when they were longer than the limit and only some are here.</summary>
    private async ValueTask<bool> CopyAsync(
        SourceTableInfo table, List<string> conditions, string order, int limitBytes, RowBuffer rows, CancellationToken cancellationToken)
    {
        var columns = table.Table.Columns;
        await LearnOutputFunctionsAsync(columns, cancellationToken);
        rows.Clear(columns.Count);
        // ONLY: rows of tables that inherit from this one arrive under their own name.
        var from = (table.IsPartitioned ? "" : "ONLY ") + SqlText.Name(table.Table.Schema, table.Table.Name);
        var where = conditions.Count > 0 ? $" WHERE {string.Join(" AND ", conditions)}" : "";
        var select = List(columns, column => $"textin({_outputFunctions[column.TypeId]}({SqlText.Name(column.Name)}))");
        try
        {
            var copy = await connection.BeginRawBinaryCopyAsync(
                $"COPY (SELECT {select} FROM {from}{where}{order}) TO STDOUT (FORMAT binary)", cancellationToken);
            await using (copy)
            await using (cancellationToken.UnsafeRegister(static copy => ((NpgsqlRawCopyStream)copy!).Cancel(), copy))
            {
                if (await new CopyReader(copy).ReadAsync(rows, columns.Count, limitBytes, cancellationToken))
                    return true;
                await copy.CancelAsync();
                return false;
            }
        }
        catch (PostgresException failure) when (NpgsqlFailure.IsTooLong(failure))
        {
            throw SourceFailure.NotReadable($"{table.Table.Schema}.{table.Table.Name}", failure.MessageText, failure);
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw NpgsqlFailure.Name(failure, slot: null);
        }
    }

    private async ValueTask LearnOutputFunctionsAsync(IReadOnlyList<SourceColumn> columns, CancellationToken cancellationToken)
    {
        var unknown = columns.Select(column => column.TypeId).Distinct().Where(type => !_outputFunctions.ContainsKey(type)).ToList();
        if (unknown.Count == 0)
            return;
        var functions = await QueryAsync(
            "SELECT t.oid::text, quote_ident(n.nspname) || '.' || quote_ident(p.proname)"
            + " FROM pg_type t JOIN pg_proc p ON p.oid = t.typoutput JOIN pg_namespace n ON n.oid = p.pronamespace"
            + $" WHERE t.oid IN ({List(unknown, type => type.ToString(CultureInfo.InvariantCulture))})",
            cancellationToken);
        foreach (var function in functions)
            _outputFunctions[uint.Parse(function[0]!, CultureInfo.InvariantCulture)] = function[1]!;
    }

    private static int[] KeyColumns(SourceTableInfo table) =>
        table.KeyOrder is not null ? [.. table.KeyOrder] : TableKey(table);

    /// <summary>The key's values, given in the order of the table, in the order of <paramref name="key"/>.</summary>
    private static string[] KeyValues(SourceTableInfo table, int[] key, IReadOnlyList<string> values)
    {
        var inTable = TableKey(table);
        return [.. key.Select(column => values[Array.IndexOf(inTable, column)])];
    }

    private static int[] TableKey(SourceTableInfo table) =>
        [.. Enumerable.Range(0, table.Table.Columns.Count).Where(column => table.Table.Columns[column].IsKey)];

    // Constants take the type of the column they are compared with, by operators of pg_catalog only. Types from elsewhere have theirs elsewhere
    // and would be compared as something they are not: their texts are ordered and compared instead.
    private static string KeyExpression(SourceColumn column) =>
        column.TypeId < FirstUserTypeId ? SqlText.Name(column.Name) : $"{SqlText.Name(column.Name)}::text";

    private static string List<T>(IEnumerable<T> items, Func<T, string> write) => string.Join(", ", items.Select(write));
}

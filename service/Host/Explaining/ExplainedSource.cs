using System.Globalization;
using System.Text;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary>Reads from the source what an explanation asks for. Changes nothing.</summary>
/// <param name="source">The source.</param>
internal sealed class ExplainedSource(ISource source)
{
    private const int ChunkRows = 10_000; // some megabytes of usual rows

    /// <summary>Answers everything that the explanation of a user looks up, by evaluating all rows of the tables concerned.</summary>
    /// <returns>Tables of which some rows could not be evaluated, in sentences.</returns>
    public async Task<IReadOnlyList<string>> SupplyAsync(RuleSet rules, UserExplainer explainer, CancellationToken cancellationToken)
    {
        var notes = new List<string>();
        await using var session = await source.OpenSessionAsync(cancellationToken);
        while (explainer.Pending is { Count: > 0 } pending)
        {
            var found = new PendingEntries(pending);
            foreach (var table in await session.FindTablesAsync(explainer.PendingTables, cancellationToken))
            {
                found.Failed.Clear();
                await ReadAsync(session, rules, table, found, cancellationToken);
                notes.AddRange(found.Failed.Select(failed =>
                    $"{PlainText.Count(failed.Value, "row")} of {table.Table.Schema}.{table.Table.Name} cannot be looked up: {failed.Key}"));
            }
            foreach (var key in pending)
                explainer.Supply(key, found.Of(key));
            explainer.Advance();
        }
        return [.. notes.Distinct()];
    }

    /// <summary>The row with a key, and its table.</summary>
    /// <param name="name">The table.</param>
    /// <param name="key">Texts of the key columns.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="ExplanationException">There is no such table or row.</exception>
    public async Task<(SourceTable Table, SourceRow Row)> ReadRowAsync(TablePattern name, IReadOnlyList<string> key, CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        if (await session.FindTablesAsync([name], cancellationToken) is not [var info, ..])
            throw ExplanationException.NoTable(name);
        var columns = KeyColumns(info.Table);
        if (!info.CanReadByKey || columns.Count != key.Count)
            throw ExplanationException.WrongKey(name, info.CanReadByKey ? [.. columns.Select(column => info.Table.Columns[column].Name)] : []);
        var rows = new RowBuffer();
        await session.ReadRowsByKeyAsync(info, [key], rows, cancellationToken);
        if (rows.RowCount == 0)
            throw ExplanationException.NoRow(name, key);
        var row = new SourceRow();
        rows.Read(0, row);
        return (info.Table, row);
    }

    private static async Task ReadAsync(
        ISourceSession session, RuleSet rules, SourceTableInfo table, PendingEntries found, CancellationToken cancellationToken)
    {
        var evaluator = rules.ForTable(table.Table);
        if (!evaluator.IsUsed)
            return;
        var keyColumns = KeyColumns(table.Table);
        var rows = new RowBuffer();
        var row = new SourceRow();
        IReadOnlyList<string>? after = null;
        while (true)
        {
            await session.ReadRowsAsync(table, after, ChunkRows, rows, cancellationToken);
            for (var index = 0; index < rows.RowCount; index++)
            {
                rows.Read(index, row);
                found.Describe = () => Identity(table.Table, keyColumns, row);
                evaluator.Evaluate(row, found);
            }
            if (!table.CanReadByKey || rows.RowCount < ChunkRows)
                return;
            after = [.. keyColumns.Select(column => Encoding.UTF8.GetString(row[column].Text.Span))];
        }
    }

    private static List<int> KeyColumns(SourceTable table) =>
        [.. Enumerable.Range(0, table.Columns.Count).Where(column => table.Columns[column].IsKey)];

    private static string Identity(SourceTable table, List<int> keyColumns, SourceRow row)
    {
        var columns = keyColumns.Count > 0 ? keyColumns : [.. Enumerable.Range(0, Math.Min(3, table.Columns.Count))];
        return string.Join(", ", columns.Select(column => string.Create(
            CultureInfo.InvariantCulture,
            $"{table.Columns[column].Name} = {(row[column].Kind == SourceValueKind.Text ? Encoding.UTF8.GetString(row[column].Text.Span) : "null")}")));
    }

    /// <summary>Keeps the index entries that somebody waits for.</summary>
    private sealed class PendingEntries(IEnumerable<string> keys) : IRowSink
    {
        private readonly Dictionary<string, List<FoundEntry>> _entries = keys.ToDictionary(key => key, _ => new List<FoundEntry>(), StringComparer.Ordinal);

        /// <summary>Rows that could not be evaluated, by reason.</summary>
        public SortedDictionary<string, int> Failed { get; } = new(StringComparer.Ordinal);

        /// <summary>Names the row being evaluated.</summary>
        public Func<string> Describe { get; set; } = () => "";

        public List<FoundEntry> Of(string key) => _entries[key];

        public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record)
        {
            if (_entries.TryGetValue(Encoding.UTF8.GetString(key), out var entries))
                entries.Add(new FoundEntry(record.ToArray(), Describe()));
        }

        public void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data)
        {
        }

        public void Bucket(ReadOnlySpan<byte> name)
        {
        }

        public void Error(RowError error)
        {
            if (error.Kind != RowErrorKind.Data)
                Failed[error.Message] = Failed.GetValueOrDefault(error.Message) + 1;
        }
    }
}

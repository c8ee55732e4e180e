using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>The parameter index of a few tables in memory, with what each change of a row changes in it.</summary>
internal sealed class RowIndex(RuleSet rules)
{
    private readonly Dictionary<string, SortedDictionary<string, ReadOnlyMemory<byte>>> _records = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(string Key, string Entry)>> _entriesOfRow = [];

    public IReadOnlyList<ReadOnlyMemory<byte>> Read(string key) => _records.TryGetValue(key, out var records) ? [.. records.Values] : [];

    /// <summary>Puts a row in the place of the one with its id, or removes that. The first column is the id.</summary>
    /// <returns>By key and entry: what was there, and what is there now.</returns>
    public List<(string Key, string Entry, ReadOnlyMemory<byte>? Removed, ReadOnlyMemory<byte>? Added)> Put(
        string table, string id, params (string Column, string? Value)[]? columns)
    {
        var row = $"{table}/{id}";
        var now = columns is null ? [] : Entries(row, table, columns);
        var before = _entriesOfRow.GetValueOrDefault(row, []);
        var changes = new List<(string Key, string Entry, ReadOnlyMemory<byte>? Removed, ReadOnlyMemory<byte>? Added)>();
        foreach (var (key, entry) in before.Where(entry => !now.ContainsKey(entry)))
        {
            changes.Add((key, entry, _records[key][entry], null));
            _records[key].Remove(entry);
        }
        foreach (var ((key, entry), record) in now)
        {
            if (!_records.TryGetValue(key, out var records))
                _records.Add(key, records = new SortedDictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal));
            changes.Add((key, entry, records.TryGetValue(entry, out var old) ? old : (ReadOnlyMemory<byte>?)null, record));
            records[entry] = record;
        }
        _entriesOfRow[row] = [.. now.Keys];
        return changes;
    }

    private Dictionary<(string Key, string Entry), ReadOnlyMemory<byte>> Entries(string row, string table, (string Column, string? Value)[] columns)
    {
        var sink = new CollectingSink();
        rules.ForTable(RuleSetHarness.Table(table, [.. columns.Select(column => (column.Column, RuleSetHarness.Text))]))
            .Evaluate(RuleSetHarness.Row([.. columns.Select(column => column.Value)]), sink);
        var entries = new Dictionary<(string Key, string Entry), ReadOnlyMemory<byte>>();
        foreach (var (key, record) in sink.Lookups)
            entries[(key, $"{row}#{entries.Count}")] = record;
        return entries;
    }
}

using System.Text;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>The tables that a follower reads again, as the contract of the events says: kept aside, then put in place in one step.</summary>
/// <param name="live">The rows of the tables that are in place, by name.</param>
internal sealed class StagedTables(Dictionary<string, SortedDictionary<string, string>> live)
{
    private const string Unchanged = "unchanged";

    private readonly Dictionary<uint, (SourceTable Table, SortedDictionary<string, string?> Rows)> _staged = [];
    private readonly Dictionary<uint, string> _owned = []; // the names under which tables are in place
    private bool _isFrozen;

    public void Clear()
    {
        _staged.Clear();
        _owned.Clear();
        _isFrozen = false;
    }

    public void Own(SourceTable table) => _owned[table.RelationId] = table.Name;

    /// <summary>Whether changes of the table are changes of what is in place.</summary>
    public bool IsLive(SourceTable table) =>
        !_isFrozen && (_owned.TryGetValue(table.RelationId, out var name) ? name == table.Name : !_staged.ContainsKey(table.RelationId) && !_owned.ContainsValue(table.Name));

    public void Begin(IReadOnlyList<RefreshedTable> tables)
    {
        foreach (var table in tables)
            _staged.Remove(table.Replaces);
        foreach (var table in tables)
            _staged[table.Table.RelationId] = (table.Table, []);
    }

    public void Freeze(IReadOnlyList<RefreshedTable> tables)
    {
        _isFrozen = true;
        _staged.Clear();
        Begin(tables);
    }

    public SortedDictionary<string, string?>? Find(SourceTable table) =>
        _staged.TryGetValue(table.RelationId, out var staged) ? staged.Rows : null;

    public void Truncate(SourceTable table) => Find(table)?.Clear();

    public void TakeIn(SourceTable table, RowBuffer rows)
    {
        var staged = Find(table)!;
        var row = new SourceRow();
        for (var index = 0; index < rows.RowCount; index++)
        {
            rows.Read(index, row);
            var key = Follower.KeyOf(table, row);
            if (!staged.TryGetValue(key, out var known))
                staged.Add(key, Follower.Text(row));
            else if (known is not null)
                staged[key] = string.Join('|', known.Split('|').Zip(Follower.Text(row).Split('|'), (mine, read) => mine == Unchanged ? read : mine));
        }
    }

    public void End(IReadOnlyList<uint> read, IReadOnlyList<uint> left)
    {
        _isFrozen = false;
        foreach (var gone in left.Concat(read))
        {
            if (_owned.Remove(gone, out var name))
                live.Remove(name);
        }
        foreach (var relationId in left)
            _staged.Remove(relationId);
        foreach (var relationId in read)
        {
            _staged.Remove(relationId, out var staged);
            foreach (var (other, name) in _owned.ToList())
            {
                if (name == staged.Table.Name)
                    _owned.Remove(other);
            }
            live[staged.Table.Name] = new SortedDictionary<string, string>(
                staged.Rows.Where(row => row.Value is not null).ToDictionary(row => row.Key, row => row.Value!));
            Own(staged.Table);
        }
    }

    /// <summary>Fills in what a change left out, as far as it is known.</summary>
    public static void Fill(SourceRow row, string? known)
    {
        var values = known?.Split('|');
        for (var column = 0; column < row.Count && values is not null && column < values.Length; column++)
        {
            if (row[column].Kind == SourceValueKind.Unchanged)
                row[column] = new SourceValue(SourceValueKind.Text, Encoding.UTF8.GetBytes(values[column]));
        }
    }
}

using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>The columns that one query reads of one table, numbered in order of appearance.</summary>
internal sealed class ColumnSlots
{
    private readonly List<string> _names = [];

    public IReadOnlyList<string> Names => _names;

    public ColumnExpression Column(string name)
    {
        var slot = _names.IndexOf(name);
        if (slot < 0)
        {
            slot = _names.Count;
            _names.Add(name);
        }
        return new ColumnExpression(slot, name);
    }
}

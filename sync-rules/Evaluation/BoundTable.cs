using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Binds queries to the columns of one source table.</summary>
internal sealed class BoundTable(SourceTable table)
{
    private readonly HashSet<int> _used = [];

    /// <summary>Positions of the columns that any query reads, ascending.</summary>
    public int[] UsedColumns => [.. _used.Order()];

    /// <summary>Positions of a query's columns; −1 for one that the table does not have.</summary>
    public int[] PositionsOf(IReadOnlyList<string> columns)
    {
        var positions = new int[columns.Count];
        for (var slot = 0; slot < positions.Length; slot++)
        {
            positions[slot] = table.IndexOf(columns[slot]);
            if (positions[slot] >= 0)
                _used.Add(positions[slot]);
        }
        return positions;
    }

    /// <summary>The output columns of a projection, stars replaced by what they stand for.</summary>
    public OutputSlot[] SlotsOf(Projection projection)
    {
        var slots = new List<OutputSlot>();
        foreach (var item in projection.Items)
        {
            if (item.Expression is null)
                AddStar(slots, projection.StarDropsUnderscore);
            else if (item.Expression is not ColumnExpression column)
                Put(slots, new OutputSlot(item.Name, -1, item.Expression));
            else if (table.IndexOf(column.Name) is >= 0 and var position)
                Put(slots, new OutputSlot(item.Name, position, null));
        }
        return [.. slots];
    }

    private void AddStar(List<OutputSlot> slots, bool dropsUnderscore)
    {
        for (var position = 0; position < table.Columns.Count; position++)
        {
            var name = table.Columns[position].Name;
            if (dropsUnderscore && name.StartsWith('_'))
                continue;
            _used.Add(position);
            var star = new OutputSlot(name, position, null);
            var earlier = slots.Find(slot => slot.Name == name);
            if (earlier is not null && dropsUnderscore)
                earlier.WhenNull = star;
            else
                Put(slots, star);
        }
    }

    // The last item of a name wins, but keeps the place of the first.
    private static void Put(List<OutputSlot> slots, OutputSlot slot)
    {
        var earlier = slots.FindIndex(other => other.Name == slot.Name);
        if (earlier >= 0)
            slots[earlier] = slot;
        else
            slots.Add(slot);
    }
}

/// <summary>One output column bound to a table.</summary>
internal sealed class OutputSlot
{
    private readonly int _position;
    private readonly Expression? _expression;

    /// <param name="name">Output name.</param>
    /// <param name="position">Column that is passed through, or −1.</param>
    /// <param name="expression">What is computed otherwise.</param>
    public OutputSlot(string name, int position, Expression? expression)
    {
        Name = name;
        _position = position;
        _expression = expression;
        var prefix = new ByteBuffer();
        prefix.Add((byte)',');
        JsonText.WriteString(prefix, System.Text.Encoding.UTF8.GetBytes(name));
        prefix.Add((byte)':');
        Prefix = prefix.Written.ToArray();
    }

    public string Name { get; }

    /// <summary><c>,"name":</c> — the first member leaves out the comma.</summary>
    public byte[] Prefix { get; }

    /// <summary>Column that is passed through as it is, or −1.</summary>
    public int PassedColumn => WhenNull is null ? _position : -1;

    /// <summary>Takes this slot's place where it is null.</summary>
    public OutputSlot? WhenNull { get; set; }

    public SqlValue Read(EvaluationContext context)
    {
        var value = _position >= 0 ? context.Column(_position) : _expression!.Evaluate(context);
        return value.IsNull && WhenNull is not null ? WhenNull.Read(context) : value;
    }

    /// <summary>Equal for slots that give equal output.</summary>
    public string Describe() => $"{Name}={(_position >= 0 ? $"#{_position}" : _expression!.ToString())}{(WhenNull is null ? "" : "|" + WhenNull.Describe())}";
}

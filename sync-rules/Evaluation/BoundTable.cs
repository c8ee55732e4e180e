using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Binds queries to the columns of one source table.</summary>
/// <param name="table">The table.</param>
/// <param name="usesCustomTypes">Whether values of types that are not built in are taken apart.</param>
internal sealed class BoundTable(SourceTable table, bool usesCustomTypes)
{
    private readonly HashSet<int> _used = [];

    /// <summary>By position: how a column's text is read.</summary>
    public PostgresForm[] Forms { get; } = [.. table.Columns.Select(column => PostgresValue.FormOf(column.TypeId))];

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

    /// <summary>How a column's type is built, where its values are taken apart.</summary>
    public SourceType? CustomType(int position) => usesCustomTypes ? table.Columns[position].Type : null;

    /// <summary>Whether reading a column can wait until somebody asks for its value, because it cannot fail.</summary>
    public bool CanWait(int position) => CustomType(position) is null && PostgresValue.CannotFail(Forms[position]);

    /// <summary>The output columns of a projection, stars replaced by what they stand for.</summary>
    public OutputSlot[] SlotsOf(Projection projection)
    {
        var slots = new List<OutputSlot>();
        foreach (var item in projection.Items)
        {
            if (item.Expression is null)
                AddStar(slots, projection.StarDropsUnderscore);
            else if (item.Expression is not ColumnExpression column)
                Put(slots, new OutputSlot(item.Name, item.Expression));
            else if (table.IndexOf(column.Name) is >= 0 and var position)
                Put(slots, Column(item.Name, position));
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
            var star = Column(name, position);
            var earlier = slots.Find(slot => slot.Name == name);
            if (earlier is not null && dropsUnderscore)
                earlier.WhenNull = star;
            else
                Put(slots, star);
        }
    }

    private OutputSlot Column(string name, int position) => new(name, position, Forms[position], isPassed: CustomType(position) is null);

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
    private readonly int _position = -1;
    private readonly Expression? _expression;

    /// <summary>A computed value.</summary>
    public OutputSlot(string name, Expression expression)
        : this(name)
    {
        _expression = expression;
    }

    /// <summary>A column.</summary>
    /// <param name="name">Output name.</param>
    /// <param name="position">Of the column.</param>
    /// <param name="form">How its text is read.</param>
    /// <param name="isPassed">Whether its text, as the source sent it, decides about the output.</param>
    public OutputSlot(string name, int position, PostgresForm form, bool isPassed)
        : this(name)
    {
        _position = position;
        Form = form;
        if (isPassed)
            PassedColumn = position;
    }

    private OutputSlot(string name)
    {
        Name = name;
        var prefix = new ByteBuffer();
        prefix.Add((byte)',');
        JsonText.WriteString(prefix, System.Text.Encoding.UTF8.GetBytes(name));
        prefix.Add((byte)':');
        Prefix = new PaddedText(prefix.Written);
    }

    public string Name { get; }

    /// <summary><c>,"name":</c></summary>
    public PaddedText Prefix { get; }

    /// <summary>Column whose text may go to the output without becoming a value, or −1.</summary>
    public int PassedColumn { get; private set; } = -1;

    /// <summary>How the passed column's text is read.</summary>
    public PostgresForm Form { get; }

    /// <summary>Takes this slot's place where it is null.</summary>
    public OutputSlot? WhenNull
    {
        get;
        set
        {
            field = value;
            PassedColumn = -1;
        }
    }

    public SqlValue Read(EvaluationContext context)
    {
        var value = _position >= 0 ? context.Column(_position) : _expression!.Evaluate(context);
        return value.IsNull && WhenNull is not null ? WhenNull.Read(context) : value;
    }

    /// <summary>Equal for slots that give equal output.</summary>
    public string Describe() => $"{Name}={(_position >= 0 ? $"#{_position}" : _expression!.ToString())}{(WhenNull is null ? "" : "|" + WhenNull.Describe())}";
}

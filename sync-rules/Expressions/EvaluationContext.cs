using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>What expressions read: the row or the request at hand. One per evaluator, reused.</summary>
internal sealed class EvaluationContext
{
    private SourceRow? _source;

    /// <summary>Memory of values computed on the way.</summary>
    public Scratch Scratch { get; } = new();

    /// <summary>Values of the row, by position in the source table, as far as <see cref="IsRead"/> says so.</summary>
    public SqlValue[] Row { get; set; } = [];

    /// <summary>Which values of the row were read; the others wait until <see cref="Column"/> asks for them.</summary>
    public bool[] IsRead { get; set; } = [];

    /// <summary>How values that wait are read, by position.</summary>
    public PostgresForm[] Forms { get; set; } = [];

    public PostgresTime Time { get; set; }

    /// <summary>The row as the source sent it; empty where it came as values.</summary>
    public ReadOnlySpan<SourceValue> SourceValues => _source is null ? [] : _source.Values;

    /// <summary>Where the current query's columns are in <see cref="Row"/>; −1 for a column that the table does not have.</summary>
    public int[] Positions { get; set; } = [];

    /// <summary>Current elements of the current query's <c>json_each</c> calls.</summary>
    public SqlValue[] EachKeys { get; set; } = [];

    public SqlValue[] EachValues { get; set; } = [];

    /// <summary>For reading a list at once. Whoever uses it clears it first and is done with it before anyone else.</summary>
    public List<(SqlValue Key, SqlValue Value)> Elements { get; } = [];

    /// <summary>About the table at hand.</summary>
    public TableFacts? Table { get; set; }

    public RequestValues? Request { get; set; }

    /// <summary>The next row, of which nothing is read yet.</summary>
    public void Enter(SourceRow row)
    {
        Scratch.Reset();
        IsRead.AsSpan().Clear();
        _source = row;
    }

    /// <summary>The next row, whose values are all known.</summary>
    public void Enter(ReadOnlySpan<SqlValue> values)
    {
        Scratch.Reset();
        IsRead.AsSpan().Fill(true);
        _source = null;
        values.CopyTo(Row);
    }

    /// <summary>Reads a column now.</summary>
    /// <exception cref="EvaluationException">The text is not of the column's type.</exception>
    public void Read(int position, PostgresForm form, uint typeId, SourceType? custom)
    {
        ref readonly var source = ref SourceValues[position];
        if (source.Kind == SourceValueKind.Null)
            Row[position] = SqlValue.Null;
        else if (source.Kind != SourceValueKind.Text)
            throw new InvalidOperationException("A row was evaluated before all of its values were known.");
        else if (custom is not null)
            Row[position] = PostgresCustom.Convert(custom, source.Text, Time, Scratch);
        else if (form == PostgresForm.Integer)
            Row[position] = PostgresValue.Integer(source.Text.Span);
        else
            Row[position] = PostgresValue.Convert(form, typeId, source.Text, Time, Scratch);
        IsRead[position] = true;
    }

    /// <summary>Value of a column, converted the first time it is asked for: most columns are only passed through.</summary>
    public SqlValue Column(int position)
    {
        if (!IsRead[position])
            Read(position, Forms[position], typeId: 0, custom: null);
        return Row[position];
    }

    /// <summary>The text of a column that nobody asked for as a value, where the value would be the same text.</summary>
    /// <param name="position">Of the column; −1 for one that the table does not have.</param>
    /// <param name="text">The source's own bytes.</param>
    public bool TryGetSourceText(int position, out ReadOnlySpan<byte> text)
    {
        if (position >= 0 && !IsRead[position] && Forms[position] is PostgresForm.Text or PostgresForm.Json)
        {
            ref readonly var value = ref SourceValues[position];
            text = value.Text.Span;
            return value.Kind == SourceValueKind.Text;
        }
        text = default;
        return false;
    }
}

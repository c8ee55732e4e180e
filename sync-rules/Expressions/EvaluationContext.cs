using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>What expressions read: the row or the request at hand. One per evaluator, reused.</summary>
internal sealed class EvaluationContext
{
    /// <summary>Memory of values computed on the way.</summary>
    public Scratch Scratch { get; } = new();

    /// <summary>Values of the row, by position in the source table, as far as <see cref="IsRead"/> says so.</summary>
    public SqlValue[] Row { get; set; } = [];

    /// <summary>Which values of the row were read; the others wait until <see cref="Column"/> asks for them.</summary>
    public bool[] IsRead { get; set; } = [];

    /// <summary>Where values that wait come from.</summary>
    public SourceRow? Source { get; set; }

    /// <summary>How values that wait are read, by position.</summary>
    public PostgresForm[] Forms { get; set; } = [];

    public PostgresTime Time { get; set; }

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

    /// <summary>Value of a column, converted the first time it is asked for: most columns are only passed through.</summary>
    public SqlValue Column(int position)
    {
        if (!IsRead[position])
            ReadNow(position);
        return Row[position];
    }

    private void ReadNow(int position)
    {
        ref readonly var value = ref Source![position];
        Row[position] = value.Kind == SourceValueKind.Null ? SqlValue.Null : PostgresValue.Convert(Forms[position], 0, value.Text, Time, Scratch);
        IsRead[position] = true;
    }
}

using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Receives the key values of each combination under which a row matches.</summary>
internal interface IKeySink
{
    /// <summary>Where the values of the next combination are written: in order, separated by commas, as they stand in bucket names and lookup keys.</summary>
    /// <remarks>Begun again without <see cref="Commit"/>, they are forgotten.</remarks>
    ByteBuffer Begin();

    /// <summary>The values are complete.</summary>
    /// <param name="written">Where they were written.</param>
    /// <param name="context">The row, for further values.</param>
    void Commit(ByteBuffer written, EvaluationContext context);
}

/// <summary>Evaluates <see cref="RowMatch"/> for the rows of one table: filters, then every combination of array elements, then keys.</summary>
internal sealed class RowMatcher
{
    // A row that is in so many buckets of one query is a mistake; several large arrays multiply.
    private const int MaxCombinations = 100_000;

    private readonly RowFilter[] _filters;
    private readonly EachSource[] _each;
    private readonly (Expression Value, int Position)[] _keys; // with the position in the table of one that is a column, or −1
    private readonly (Expression Left, Expression Right)[] _equalities;
    private readonly List<(SqlValue Key, SqlValue Value)>[] _elements;
    private readonly int _eachRoom;
    private int _combinations;

    /// <param name="match">What decides about a row.</param>
    /// <param name="positions">Where the query's columns are in the table.</param>
    public RowMatcher(RowMatch match, int[] positions)
    {
        _filters = [.. match.Filters.Select(filter => new RowFilter(filter, positions))];
        _each = [.. match.Each];
        _eachRoom = match.Each.Count == 0 ? 0 : match.Each.Max(each => each.Index) + 1;
        _keys = [.. match.Keys.Select(key => (key, key is ColumnExpression column ? positions[column.Slot] : -1))];
        _equalities = [.. match.Equalities];
        _elements = [.. match.Each.Select(_ => new List<(SqlValue Key, SqlValue Value)>())];
    }

    /// <summary>Whether a row gives one combination at most.</summary>
    public bool IsSingle => _each.Length == 0;

    /// <summary>Gives every combination to the sink; the same one may come twice.</summary>
    /// <exception cref="EvaluationException">The row's values do not allow an answer.</exception>
    public void Match<TSink>(EvaluationContext context, bool nullIsText, TSink sink)
        where TSink : IKeySink
    {
        if (_each.Length == 0)
        {
            if (Passes(context))
                Emit(context, sink);
            return;
        }
        if (context.EachValues.Length < _eachRoom)
        {
            context.EachKeys = new SqlValue[_eachRoom];
            context.EachValues = new SqlValue[_eachRoom];
        }
        _combinations = 0;
        Expand(0, context, nullIsText, sink);
    }

    private bool Passes(EvaluationContext context)
    {
        foreach (ref readonly var filter in _filters.AsSpan())
        {
            if (!filter.Passes(context))
                return false;
        }
        return true;
    }

    // A source may read elements of the ones before it, so elements are read inside the loops.
    private void Expand<TSink>(int depth, EvaluationContext context, bool nullIsText, TSink sink)
        where TSink : IKeySink
    {
        if (depth == _each.Length)
        {
            if (++_combinations > MaxCombinations)
                throw new EvaluationException($"The row's arrays have more than {MaxCombinations} combinations.");
            if (Passes(context))
                Emit(context, sink);
            return;
        }
        var elements = _elements[depth];
        elements.Clear();
        EachReading.Read(_each[depth], context, nullIsText, elements);
        foreach (var (key, value) in elements)
        {
            context.EachKeys[_each[depth].Index] = key;
            context.EachValues[_each[depth].Index] = value;
            Expand(depth + 1, context, nullIsText, sink);
        }
    }

    private void Emit<TSink>(EvaluationContext context, TSink sink)
        where TSink : IKeySink
    {
        foreach (var (left, right) in _equalities)
        {
            var leftValue = left.Evaluate(context);
            var rightValue = right.Evaluate(context);
            if (leftValue.IsNull || rightValue.IsNull || !SqlCompare.AreEqual(leftValue, rightValue))
                return;
        }
        var target = sink.Begin();
        for (var index = 0; index < _keys.Length; index++)
        {
            if (index > 0)
                target.Add((byte)',');
            if (!TryWrite(_keys[index].Value, _keys[index].Position, context, target))
                return;
        }
        sink.Commit(target, context);
    }

    private static bool TryWrite(Expression key, int position, EvaluationContext context, ByteBuffer target)
    {
        if (context.TryGetSourceText(position, out var text))
        {
            JsonText.WriteString(target, text);
            return true;
        }
        var value = key.Evaluate(context);
        return !value.IsNull && JsonText.WriteKey(target, value);
    }
}

using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary><c>-></c> and <c>->></c>, whose path is known when the rules are compiled.</summary>
/// <param name="operand">JSON text.</param>
/// <param name="path">The path as written, for printing.</param>
/// <param name="steps">The path's steps.</param>
/// <param name="asText"><c>->></c>: the member as a value instead of as JSON text.</param>
/// <param name="nullIsText">JSON null is the text <c>null</c> for <c>->></c> and null for <c>-></c>; otherwise the other way round.</param>
/// <param name="isExact">As in SQLite: JSON is shortened but not rewritten.</param>
internal sealed class ArrowExpression(Expression operand, string path, JsonStep[] steps, bool asText, bool nullIsText, bool isExact = false)
    : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var document = operand.Evaluate(context);
        if (document.IsNull)
            return SqlValue.Null;
        if (!JsonPath.TryFollow(SqlCast.TextOf(document, isExact, context.Scratch), document.IsCompact, steps, out var member))
            return SqlValue.Null;
        if (document.IsCompact && member.Span[0] is (byte)'[' or (byte)'{')
            return SqlValue.FromCompactJson(member);
        if (asText)
            return JsonReading.ToValue(member, nullIsText, allReal: false, context.Scratch, isExact);
        var isNull = member.Span.TrimStart(" \t\r\n"u8).StartsWith("null"u8);
        if (isNull && nullIsText)
            return SqlValue.Null;
        return SqlValue.FromJson(isExact
            ? JsonReading.Minify(member.Span, context.Scratch)
            : JsonReading.Compact(member.Span, allReal: false, context.Scratch));
    }

    public override void Print(StringBuilder target)
    {
        target.Append("(arrow").Append(asText ? ">>" : ">").Append(nullIsText ? '0' : '1').Append(isExact ? "! " : " ");
        operand.Print(target);
        target.Append(" '").Append(path.Replace("'", "''", StringComparison.Ordinal)).Append('\'');
        foreach (var step in steps)
            step.Print(target);
        target.Append(')');
    }
}

/// <summary><c>x IN list</c> as a condition of edition 3: whether x is among the rows of <c>json_each(list)</c>. Exactly, it can be unknown.</summary>
internal sealed class InRowsExpression(Expression operand, EachSource rows, bool isExact) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        var input = rows.Input.Evaluate(context);
        var found = false;
        var isUnknown = false;
        var elements = context.Elements; // from here on nothing else is evaluated that could use it
        elements.Clear();
        EachReading.Read(rows, input, context, nullIsText: false, elements);
        foreach (var (_, element) in elements)
        {
            if (value.IsNull || element.IsNull)
                isUnknown = true;
            else
                found |= SqlCompare.AreEqual(value, element);
        }
        return !found && isUnknown && isExact ? SqlValue.Null : SqlValue.FromBoolean(found);
    }

    public override void Print(StringBuilder target) => PrintCall(target, isExact ? "inrows!" : "inrows", operand, rows.Input);
}

/// <summary><c>x IN list</c> where the list is a JSON array. Exactly, a null element makes "not found" unknown.</summary>
internal sealed class InJsonExpression(Expression operand, Expression list, bool isExact) : Expression
{
    public Expression Operand => operand;

    /// <summary>The list's elements when it is a constant; null when it is not, or no list.</summary>
    public SqlValue[]? ConstantElements { get; } = list is ConstantExpression { Value: { Kind: SqlKind.Text } text } ? TryRead(text) : null;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        if (ConstantElements is not null)
            return value.IsNull ? SqlValue.Null : Find(value, ConstantElements);
        var array = list.Evaluate(context);
        if (value.IsNull || array.IsNull)
            return SqlValue.Null;
        var found = false;
        var isUnknown = false;
        var elements = new JsonElements(array, context.Scratch);
        while (elements.TryRead(out var element))
        {
            if (element.IsNull)
                isUnknown = true;
            else
                found |= SqlCompare.AreEqual(value, element);
        }
        return Answer(found, isUnknown);
    }

    private SqlValue Find(in SqlValue value, SqlValue[] elements)
    {
        var isUnknown = false;
        foreach (var element in elements)
        {
            if (element.IsNull)
                isUnknown = true;
            else if (SqlCompare.AreEqual(value, element))
                return Answer(found: true, isUnknown);
        }
        return Answer(found: false, isUnknown);
    }

    private SqlValue Answer(bool found, bool isUnknown) => !found && isUnknown && isExact ? SqlValue.Null : SqlValue.FromBoolean(found);

    private static SqlValue[]? TryRead(in SqlValue text)
    {
        try
        {
            var found = new List<SqlValue>();
            var elements = new JsonElements(text, new Scratch());
            while (elements.TryRead(out var element))
                found.Add(element);
            return [.. found];
        }
        catch (EvaluationException)
        {
            return null; // evaluating it says what is wrong
        }
    }

    public override void Print(StringBuilder target) => PrintCall(target, isExact ? "in!" : "in", operand, list);
}

/// <summary><c>a &amp;&amp; b</c>: whether two JSON arrays share an element.</summary>
internal sealed class OverlapExpression(Expression left, Expression right) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        var shares = false;
        var first = new JsonElements(leftValue, context.Scratch);
        while (first.TryRead(out var element))
        {
            var second = new JsonElements(rightValue, context.Scratch);
            while (second.TryRead(out var other))
                shares |= !element.IsNull && !other.IsNull && SqlCompare.AreEqual(element, other);
        }
        return SqlValue.FromBoolean(shares);
    }

    public override void Print(StringBuilder target) => PrintCall(target, "overlap", left, right);
}

/// <summary><c>x IN ARRAY[…]</c>: unknown rather than false when nothing matched but an item is null. Exactly, nothing is in an empty list.</summary>
internal sealed class InItemsExpression(Expression operand, Expression[] items, bool isExact) : Expression
{
    public Expression Operand => operand;

    /// <summary>The items when all are constants.</summary>
    public SqlValue[]? ConstantItems { get; } = Array.TrueForAll(items, item => item is ConstantExpression)
        ? Array.ConvertAll(items, item => ((ConstantExpression)item).Value)
        : null;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        if (value.IsNull)
            return isExact && items.Length == 0 ? SqlValue.False : SqlValue.Null;
        var sawNull = false;
        foreach (var item in items)
        {
            var other = item.Evaluate(context);
            if (other.IsNull)
                sawNull = true;
            else if (SqlCompare.AreEqual(value, other))
                return SqlValue.True;
        }
        return sawNull ? SqlValue.Null : SqlValue.False;
    }

    public override void Print(StringBuilder target)
    {
        target.Append(isExact ? "(initems! " : "(initems ");
        operand.Print(target);
        PrintCall(target, "", items);
        target.Append(')');
    }
}

/// <summary>Reads the elements of a JSON array as values.</summary>
internal ref struct JsonElements
{
    private readonly ReadOnlyMemory<byte> _json;
    private readonly Scratch _scratch;
    private Utf8JsonReader _reader;

    /// <exception cref="EvaluationException">The value is not a JSON array.</exception>
    public JsonElements(in SqlValue array, Scratch scratch)
    {
        _scratch = scratch;
        _json = array.Kind == SqlKind.Text ? array.Bytes : throw NoArray();
        if (!array.IsCompact)
            JsonReading.Validate(_json.Span);
        _reader = JsonReading.Open(_json.Span);
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartArray)
            throw NoArray();
    }

    public bool TryRead(out SqlValue element) => JsonReading.TryReadElement(_json, ref _reader, nullText: false, allReal: false, _scratch, out element);

    private static EvaluationException NoArray() => new("A value that should be a JSON array is none.");
}

using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

internal sealed class ConstantExpression(SqlValue value) : Expression
{
    public SqlValue Value => value;

    public override SqlValue Evaluate(EvaluationContext context) => value;

    public override void Print(StringBuilder target)
    {
        switch (value.Kind)
        {
            case SqlKind.Null:
                target.Append("null");
                break;
            case SqlKind.Integer:
                target.Append(value.Integer.ToString(CultureInfo.InvariantCulture));
                break;
            case SqlKind.Real:
                target.Append(value.Real.ToString("R", CultureInfo.InvariantCulture)).Append('r');
                break;
            case SqlKind.Blob:
                target.Append("x'").Append(Convert.ToHexString(value.Bytes.Span)).Append('\'');
                break;
            default:
                target.Append('\'').Append(Encoding.UTF8.GetString(value.Bytes.Span).Replace("'", "''", StringComparison.Ordinal)).Append('\'');
                break;
        }
    }
}

/// <summary>A column of the row; null where the table does not have it.</summary>
/// <param name="slot">Position in the query's own list of columns, which is bound to each table.</param>
/// <param name="name">Name as stored in the source.</param>
internal sealed class ColumnExpression(int slot, string name) : Expression
{
    public int Slot => slot;

    public string Name => name;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var position = context.Positions[slot];
        return position < 0 ? SqlValue.Null : context.Column(position);
    }

    public override void Print(StringBuilder target) =>
        target.Append('"').Append(name.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
}

/// <summary>Key or value of the current element of a <c>json_each</c> call.</summary>
internal sealed class EachExpression(int index, string call, bool isKey) : Expression
{
    /// <summary>Number of the call among those over the same row.</summary>
    public int Index => index;

    public bool IsKey => isKey;

    public override SqlValue Evaluate(EvaluationContext context) => (isKey ? context.EachKeys : context.EachValues)[index];

    public override void Print(StringBuilder target) => target.Append("each").Append(index).Append('(').Append(call).Append(isKey ? ").key" : ").value");
}

internal enum TableFact
{
    Schema,
    Name,
    Suffix,
}

/// <summary>Something about the table that the row is in.</summary>
internal sealed class TableFactExpression(TableFact fact) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context) => fact switch
    {
        TableFact.Schema => context.Table!.Schema,
        TableFact.Name => context.Table!.Name,
        _ => context.Table!.Suffix,
    };

    public override void Print(StringBuilder target) => target.Append("table:").Append(fact);
}

internal enum RequestPart
{
    Token,
    Parameters,
    Subscription,
    UserId,
    TokenParameter,
    UserParameter,
}

/// <summary>Something of the request.</summary>
internal sealed class RequestExpression(RequestPart part, string? name = null) : Expression
{
    /// <summary>A subscription that brought no parameters counts as one with an empty object, as in edition 2.</summary>
    public bool EmptyWhenMissing { get; init; }

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var request = context.Request ?? throw new InvalidOperationException("A row expression refers to the request.");
        var value = part switch
        {
            RequestPart.Token => request.Token,
            RequestPart.Parameters => request.Parameters,
            RequestPart.Subscription => request.Subscription,
            RequestPart.UserId => request.UserId,
            RequestPart.TokenParameter => request.TokenParameter(name!),
            _ => request.UserParameter(name!),
        };
        return value.IsNull && EmptyWhenMissing ? SqlValue.FromText("{}") : value;
    }

    public override void Print(StringBuilder target)
    {
        target.Append("request:").Append(part);
        if (name is not null)
            target.Append(".\"").Append(name.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
        if (EmptyWhenMissing)
            target.Append("{}");
    }
}

using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Names of a query over one table: its columns, and what the subclass adds.</summary>
/// <param name="table">The table.</param>
/// <param name="match">Where its rows come from.</param>
/// <param name="hasSuffix">Whether <c>_table_suffix</c> can be read of a wildcard table.</param>
internal abstract class TableScope(TableSyntax table, TableMatch match, bool hasSuffix) : IExpressionScope
{
    public const string SuffixColumn = "_table_suffix";

    public ColumnSlots Columns { get; } = new();

    public Bound ResolveColumn(ColumnSyntax column)
    {
        if (column.Qualifier is not null && !IsTable(column.Qualifier.Text))
            return ResolveForeign(column);
        return new Bound(ColumnOf(column.Name.Text), Origin.Row);
    }

    /// <summary>The expression of a column of the table.</summary>
    public Expression ColumnOf(string name) => hasSuffix && match.IsWildcard && name == SuffixColumn
        ? new TableFactExpression(TableFact.Suffix)
        : Columns.Column(name);

    /// <summary>Whether a qualifier means this table: its alias, or without one its name.</summary>
    public bool IsTable(string qualifier) => qualifier == (table.Alias?.Text ?? table.Name.Text);

    /// <summary>What can stand before a column, for suggestions.</summary>
    public virtual IEnumerable<string> Qualifiers => [table.Alias?.Text ?? table.Name.Text];

    public abstract Bound? ResolveCall(CallSyntax call, ScalarCompiler compiler);

    protected virtual Bound ResolveForeign(ColumnSyntax column) => throw SqlProblem.Reference(
        column.Qualifier!.Span, $"There is no table '{column.Qualifier.Text}' in this query.{Suggestion.For(column.Qualifier.Text, Qualifiers)}");
}

/// <summary>Names of a data query.</summary>
internal sealed class DataQueryScope(TableSyntax table, TableMatch match) : TableScope(table, match, hasSuffix: true)
{
    public const string BucketQualifier = "bucket";

    public override IEnumerable<string> Qualifiers => [.. base.Qualifiers, BucketQualifier];

    /// <summary>The bucket parameter that an expression is, if it is one.</summary>
    public string? ParameterOf(SqlExpression node) =>
        node is ColumnSyntax { Qualifier.Text: BucketQualifier } column && !IsTable(BucketQualifier) ? column.Name.Text : null;

    public override Bound? ResolveCall(CallSyntax call, ScalarCompiler compiler)
    {
        if (call.Qualifier?.Text is "request" or "auth" or "connection" or "subscription")
            throw SqlProblem.Reference(call.Span, "A data query sees only the row; request functions belong into 'parameters'.");
        return null;
    }

    protected override Bound ResolveForeign(ColumnSyntax column) => ParameterOf(column) is null
        ? base.ResolveForeign(column)
        : throw SqlProblem.Unsupported(column.Span, "A bucket parameter can only be compared with '=' or stand on the left of IN in the condition.");
}

/// <summary>Names of a parameter query: the request, and a table or <c>json_each</c> if it has one.</summary>
internal sealed class ParameterTableScope(TableSyntax table, TableMatch match) : TableScope(table, match, hasSuffix: false)
{
    public override Bound? ResolveCall(CallSyntax call, ScalarCompiler compiler) => RequestFunctions.OfRules(call, compiler);

    protected override Bound ResolveForeign(ColumnSyntax column) => LegacyParameters.Resolve(column) ?? base.ResolveForeign(column);
}

/// <summary>Names of a parameter query without a table.</summary>
/// <param name="each">Alias of the <c>json_each</c> call, when there is one.</param>
/// <param name="call">Canonical text of the call.</param>
internal sealed class RequestScope(string? each, string call) : IExpressionScope
{
    public Bound ResolveColumn(ColumnSyntax column)
    {
        if (LegacyParameters.Resolve(column) is { } legacy)
            return legacy;
        var isEach = each is not null && (column.Qualifier is null || column.Qualifier.Text == each || column.Qualifier.Text == "json_each");
        return isEach && column.Name.Text is "key" or "value"
            ? Bound.Request(new EachExpression(0, call, column.Name.Text == "key"))
            : throw Unknown(column);
    }

    public Bound? ResolveCall(CallSyntax call, ScalarCompiler compiler) => RequestFunctions.OfRules(call, compiler);

    private SqlProblem Unknown(ColumnSyntax column) => SqlProblem.Reference(column.Span, each is null
        ? $"There is no '{column.Name.Text}' here: the query has no FROM."
        : $"There is no '{column.Name.Text}' here; json_each has the columns key and value.");
}

/// <summary><c>token_parameters.x</c> and <c>user_parameters.x</c>.</summary>
internal static class LegacyParameters
{
    public static Bound? Resolve(ColumnSyntax column) => column.Qualifier?.Text switch
    {
        "token_parameters" => Bound.Request(column.Name.Text == "user_id"
            ? new RequestExpression(RequestPart.UserId)
            : new RequestExpression(RequestPart.TokenParameter, column.Name.Text)),
        "user_parameters" => Bound.Request(new RequestExpression(RequestPart.UserParameter, column.Name.Text)),
        _ => null,
    };
}

using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles the condition of a bucket definition's query.</summary>
/// <param name="scalars">For everything that is a plain value.</param>
/// <param name="parameterOf">The bucket parameter that an expression is, or null; data queries have them.</param>
/// <param name="report">For mistakes.</param>
internal sealed class ClauseCompiler(ScalarCompiler scalars, Func<SqlExpression, string?> parameterOf, QueryReport report)
{
    private static readonly ConstantExpression One = new(SqlValue.True);

    /// <summary>Compiles a condition. Its mistakes are reported, all of them, and a constant stands in for a part that has one.</summary>
    public Clause Compile(SqlExpression node)
    {
        try
        {
            return CompileNode(node);
        }
        catch (SqlProblem problem)
        {
            report.Report(problem);
            return new ValueClause(Bound.Constant(One));
        }
    }

    private Clause CompileNode(SqlExpression node) => node switch
    {
        BinarySyntax { Operator: BinaryOperator.And or BinaryOperator.Or } logical => CompileLogical(logical),
        BinarySyntax { Operator: BinaryOperator.Equal } equality => CompileEqual(equality),
        InSyntax membership => CompileIn(membership),
        UnarySyntax { Operator: UnaryOperator.Not } not => CompileNot(not),
        _ => new ValueClause(scalars.Compile(node)),
    };

    /// <summary>Any condition as a match; a row value is one that binds nothing.</summary>
    public static MatchClause ToMatch(Clause? clause)
    {
        switch (clause)
        {
            case null:
                return new MatchClause([], [new MatchAlternative([], [])], HasRowArray: false);
            case MatchClause match:
                return match;
            default:
                var value = ((ValueClause)clause).Value;
                if (value.Origin != Origin.Request)
                    return new MatchClause([], [new MatchAlternative([value.Expression], [])], HasRowArray: false);
                var parameter = new MatchParameter(
                    "true:" + value.Expression, new TruthExpression(value.Expression), Expands: false, UsesToken: false);
                return Single(parameter, new RowBinding(One, IsArray: false));
        }
    }

    private Clause CompileLogical(BinarySyntax logical)
    {
        var left = Compile(logical.Left);
        var right = Compile(logical.Right);
        if (left is ValueClause leftValue && right is ValueClause rightValue && CanCombine(leftValue.Value, rightValue.Value))
            return new ValueClause(scalars.CompileBinary(logical, leftValue.Value, rightValue.Value));
        return logical.Operator == BinaryOperator.And
            ? Both(logical, ToMatch(left), ToMatch(right))
            : Either(logical, ToMatch(left), ToMatch(right));
    }

    private static bool CanCombine(Bound left, Bound right) =>
        left.Origin == Origin.Constant || right.Origin == Origin.Constant || left.Origin == right.Origin;

    private ValueClause CompileNot(UnarySyntax not)
    {
        if (Compile(not.Operand) is not ValueClause value)
            throw SqlProblem.Unsupported(not.Span, "A comparison with a parameter cannot be negated.");
        return new ValueClause(ScalarCompiler.Negate(value.Value, isExact: false));
    }

    private Clause CompileEqual(BinarySyntax equality)
    {
        var leftParameter = parameterOf(equality.Left);
        var rightParameter = parameterOf(equality.Right);
        if (leftParameter is not null && rightParameter is not null)
            throw SqlProblem.Unsupported(equality.Span, "A bucket parameter must be compared with a value of the row.");
        if (leftParameter is not null || rightParameter is not null)
        {
            var row = scalars.Compile(leftParameter is null ? equality.Left : equality.Right);
            return Single(BucketParameter(leftParameter ?? rightParameter!), new RowBinding(row.Expression, IsArray: false));
        }
        var left = scalars.Compile(equality.Left);
        var right = scalars.Compile(equality.Right);
        if (CanCombine(left, right))
            return new ValueClause(scalars.CompileBinary(equality, left, right));
        var (rowSide, requestSide) = left.Origin == Origin.Row ? (left, right) : (right, left);
        return Single(RequestParameter(requestSide, expands: false), new RowBinding(rowSide.Expression, IsArray: false));
    }

    private Clause CompileIn(InSyntax membership)
    {
        var parameter = parameterOf(membership.Operand);
        if (parameterOf(membership.List) is not null)
            throw SqlProblem.Unsupported(membership.List.Span, "A bucket parameter cannot be the list of IN.");
        if (parameter is not null)
        {
            if (membership.Negated)
                throw SqlProblem.Unsupported(membership.Span, "A comparison with a parameter cannot be negated.");
            var list = scalars.Compile(membership.List);
            return Single(BucketParameter(parameter), new RowBinding(list.Expression, IsArray: true), hasRowArray: true);
        }
        if (membership.List is ArraySyntax)
            return new ValueClause(scalars.Compile(membership));
        var left = scalars.Compile(membership.Operand);
        var right = scalars.Compile(membership.List);
        if (CanCombine(left, right))
            return new ValueClause(scalars.Compile(membership));
        if (membership.Negated)
            throw SqlProblem.Unsupported(membership.Span, "A comparison with a parameter cannot be negated.");
        return left.Origin == Origin.Row
            ? Single(RequestParameter(right, expands: true), new RowBinding(left.Expression, IsArray: false))
            : Single(RequestParameter(left, expands: false), new RowBinding(right.Expression, IsArray: true), hasRowArray: true);
    }

    private static MatchParameter BucketParameter(string name) => new(name, null, Expands: false, UsesToken: false);

    private static MatchParameter RequestParameter(Bound value, bool expands)
    {
        var text = value.Expression.ToString();
        return new MatchParameter(expands ? "each:" + text : text, value.Expression, expands, DangerAnalysis.UsesToken(text));
    }

    private static MatchClause Single(MatchParameter parameter, RowBinding binding, bool hasRowArray = false) =>
        new([parameter], [new MatchAlternative([], [(parameter.Key, binding)])], hasRowArray);

    private static MatchClause Both(BinarySyntax node, MatchClause left, MatchClause right)
    {
        if (left.HasRowArray && right.HasRowArray)
            throw SqlProblem.Unsupported(node.Span, $"Only one array of the row can be compared with parameters in one condition; for more {ExtendedDefinitions.Remedy}.");
        var parameters = left.Parameters.Concat(right.Parameters).DistinctBy(parameter => parameter.Key).ToList();
        if (parameters.Count(parameter => parameter.Expands) > 1)
            throw SqlProblem.Unsupported(node.Span, $"Only one array of the request can be expanded in one condition; for more {ExtendedDefinitions.Remedy}.");
        if (left.Alternatives.Count * right.Alternatives.Count > MaxAlternatives)
            throw SqlProblem.Semantics(node.Span, $"The condition has more than {MaxAlternatives} alternatives.");
        var alternatives =
            from first in left.Alternatives
            from second in right.Alternatives
            select new MatchAlternative([.. first.Filters, .. second.Filters], [.. first.Bindings, .. second.Bindings]);
        return new MatchClause(parameters, [.. alternatives], left.HasRowArray || right.HasRowArray);
    }

    private static MatchClause Either(BinarySyntax node, MatchClause left, MatchClause right)
    {
        var keys = left.Parameters.Select(parameter => parameter.Key).ToHashSet(StringComparer.Ordinal);
        if (!keys.SetEquals(right.Parameters.Select(parameter => parameter.Key)))
        {
            throw SqlProblem.Unsupported(
                node.Span, $"Both sides of OR must use the same parameters; split the query into two bucket definitions, or {ExtendedDefinitions.Remedy}.");
        }
        if (left.Alternatives.Count + right.Alternatives.Count > MaxAlternatives)
            throw SqlProblem.Semantics(node.Span, $"The condition has more than {MaxAlternatives} alternatives.");
        return new MatchClause(left.Parameters, [.. left.Alternatives, .. right.Alternatives], left.HasRowArray || right.HasRowArray);
    }

    private const int MaxAlternatives = 100;
}

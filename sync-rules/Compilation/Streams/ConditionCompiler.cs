using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Compiles a stream's condition into tests over one source and links between sources; subqueries become sources of their own.</summary>
internal sealed class ConditionCompiler
{
    private readonly StreamQuery _query;
    private readonly CompileContext _context;
    private readonly StreamScope _scope;
    private readonly QueryReport _report;
    private readonly ScalarCompiler _scalars;

    public ConditionCompiler(StreamQuery query, CompileContext context, StreamScope scope, QueryReport report)
    {
        _query = query;
        _context = context;
        _scope = scope;
        _report = report;
        _scalars = new ScalarCompiler(scope, context.Settings, report);
    }

    private bool IsEdition3 => _context.Settings.Edition == 3;

    /// <summary>Compiles a condition. Its mistakes are reported, all of them, and a constant stands in for a part that has one.</summary>
    public Condition Compile(SqlExpression node)
    {
        try
        {
            return CompileNode(node);
        }
        catch (SqlProblem problem)
        {
            _report.Report(problem);
            return new Test(new BoundTerm(Bound.Constant(new ConstantExpression(SqlValue.True)), []), node.Span, _report);
        }
    }

    private Condition CompileNode(SqlExpression node)
    {
        switch (node)
        {
            case BinarySyntax { Operator: BinaryOperator.And } and:
                return new AllOf([Compile(and.Left), Compile(and.Right)], and.Span, _report);
            case BinarySyntax { Operator: BinaryOperator.Or } or:
                return new AnyOf([Compile(or.Left), Compile(or.Right)], or.Span, _report);
            case UnarySyntax { Operator: UnaryOperator.Not } not:
                return new NotOf(Compile(not.Operand), not.Span, _report);
            case BinarySyntax { Operator: BinaryOperator.Equal } equality:
                return Written(Equal(CompileTerm(equality.Left), CompileTerm(equality.Right), equality.Span));
            case BinarySyntax { Operator: BinaryOperator.NotEqual } inequality when IsEdition3:
                return Not(Equal(CompileTerm(inequality.Left), CompileTerm(inequality.Right), inequality.Span), inequality.Span);
            case BinarySyntax { Operator: BinaryOperator.Overlap } overlap:
                return CompileOverlap(overlap);
            case InSyntax membership:
                return CompileIn(membership);
            default:
                return new Test(AsTruth(CompileTerm(node), node), node.Span, _report);
        }
    }

    // Filters count values by the common rule of truth; where SQLite's own holds, it is applied here. Negating twice keeps null.
    private BoundTerm AsTruth(BoundTerm term, SqlExpression node) => !_context.Settings.SqliteExact || node is IsSyntax or BetweenSyntax
        ? term
        : term with { Value = ScalarCompiler.Negate(ScalarCompiler.Negate(term.Value, isExact: true), isExact: true) };

    /// <summary>Compiles a value.</summary>
    public BoundTerm CompileTerm(SqlExpression node)
    {
        _scope.Touched.Clear();
        var value = _scalars.Compile(node);
        return new BoundTerm(value, [.. _scope.Touched.OrderBy(each => each.Index)]);
    }

    private Condition Equal(BoundTerm left, BoundTerm right, TextSpan span)
    {
        if (!IsSameSource(left, right))
        {
            var isAllOfRequest = !_query.IsBucketDefinition && IsRequestSide(left) && IsRequestSide(right);
            return isAllOfRequest
                ? throw SqlProblem.Unsupported(span, "Rows of json_each() over the request cannot be compared with the request; write value IN list instead.")
                : new Link(left, right, span, _report);
        }
        var origin = left.Origin == Origin.Constant ? right.Value : left.Value;
        var compare = _scalars.Compare(BinaryOperator.Equal, left.Value.Expression, right.Value.Expression);
        return new Test(new BoundTerm(origin with { Expression = compare }, [.. left.Each.Union(right.Each)]), span, _report);
    }

    private bool IsRequestSide(BoundTerm term) =>
        term.Origin == Origin.Request || (term.Origin == Origin.Row && !_query.Groups[term.Source].IsTable);

    private Existence Exists(IReadOnlyList<Condition> parts, TextSpan span) => new(new AllOf(parts, span, _report), span, _report);

    private Condition Written(Condition condition)
    {
        if (condition is Test test)
            _report.Mark(test.Term.Value.Expression, test.Span);
        return condition;
    }

    private NotOf Not(Condition condition, TextSpan span) =>
        new(condition is Test test ? test with { WrittenNegated = new SourceText(_report.Query, span) } : condition, span, _report);

    private static bool IsSameSource(BoundTerm left, BoundTerm right) =>
        left.Origin == Origin.Constant || right.Origin == Origin.Constant
        || (left.Origin == right.Origin && (left.Origin == Origin.Request || left.Source == right.Source));

    private Condition CompileIn(InSyntax membership)
    {
        if (membership.List is ArraySyntax)
            return new Test(CompileTerm(membership), membership.Span, _report);
        var condition = TryCompileRows(membership.List, out var output) is { } rows
            ? Exists([Equal(CompileTerm(membership.Operand), output, membership.Span), rows], membership.Span)
            : CompileInList(membership);
        return membership.Negated ? Not(condition, membership.Span) : Written(condition);
    }

    private Condition CompileInList(InSyntax membership)
    {
        var value = CompileTerm(membership.Operand);
        var list = CompileTerm(membership.List);
        if (IsSameSource(value, list))
        {
            var origin = value.Origin == Origin.Constant ? list.Value : value.Value;
            Expression test = IsEdition3 && !membership.Negated
                ? new InRowsExpression(value.Value.Expression, new EachSource(list.Value.Expression, IsMembership: false), _context.Settings.SqliteExact)
                : new InJsonExpression(value.Value.Expression, list.Value.Expression, _context.Settings.SqliteExact);
            return new Test(new BoundTerm(origin with { Expression = test }, [.. value.Each.Union(list.Each)]), membership.Span, _report);
        }
        return Exists([Equal(value, Elements(list, membership.List.Span), membership.Span)], membership.Span);
    }

    private Condition CompileOverlap(BinarySyntax overlap)
    {
        var rightRows = TryCompileRows(overlap.Right, out var right);
        var leftRows = TryCompileRows(overlap.Left, out var left);
        if (leftRows is null)
            left = CompileTerm(overlap.Left);
        if (rightRows is null)
            right = CompileTerm(overlap.Right);
        if (leftRows is null && rightRows is null && IsSameSource(left, right))
        {
            var origin = left.Origin == Origin.Constant ? right.Value : left.Value;
            var test = new OverlapExpression(left.Value.Expression, right.Value.Expression);
            return Written(new Test(new BoundTerm(origin with { Expression = test }, [.. left.Each.Union(right.Each)]), overlap.Span, _report));
        }
        var parts = new List<Condition>
        {
            Equal(
                leftRows is null ? Elements(left, overlap.Left.Span) : left,
                rightRows is null ? Elements(right, overlap.Right.Span) : right,
                overlap.Span),
        };
        if (leftRows is not null)
            parts.Add(leftRows);
        if (rightRows is not null)
            parts.Add(rightRows);
        return Exists(parts, overlap.Span);
    }

    /// <summary>The elements of an array as rows of its source.</summary>
    private BoundTerm Elements(BoundTerm list, TextSpan span)
    {
        var isRequestRows = list.Origin == Origin.Row && !_query.Groups[list.Source].IsTable;
        if (list.Each.Count > 0 || isRequestRows)
            throw SqlProblem.Unsupported(span, "An element of an array cannot be expanded as an array again.");
        var (group, each) = _query.AddEach(list.Value, isMembership: !IsEdition3, span);
        var value = new EachExpression(each.Index, each.Input.ToString(), isKey: false);
        return new BoundTerm(new Bound(value, Origin.Row, group.Id), [each]);
    }

    /// <summary>Compiles a subquery, or the short form <c>x IN cte</c>.</summary>
    /// <returns>What must hold for its rows; null when the node is neither.</returns>
    private Condition? TryCompileRows(SqlExpression node, out BoundTerm output)
    {
        output = null!;
        IReadOnlyList<(string Name, BoundTerm Term)> columns;
        Condition condition;
        if (node is SubquerySyntax subquery)
        {
            if (_query.IsPreview)
                PreviewSubquery.Check(subquery);
            condition = _query.Inline(subquery.Select, new StreamScope(_query.IsPreview ? null : _scope, _query, _report), _report, out columns);
            if (_query.IsPreview)
                PreviewSubquery.CheckMatch(subquery, condition);
        }
        else if (IsEdition3 && node is ColumnSyntax { Qualifier: null } name && _query.FindCte(name.Name.Text) is { } cte)
        {
            condition = _query.InlineCte(cte, node.Span, out columns);
        }
        else
        {
            return null;
        }
        if (columns.Count != 1)
            throw SqlProblem.Semantics(node.Span, $"The right side of IN must have exactly one column, not {columns.Count}.");
        output = columns[0].Term;
        return condition;
    }
}

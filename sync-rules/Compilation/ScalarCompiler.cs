using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Functions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles expressions whose value depends on a row or on the request, never on both.</summary>
internal sealed class ScalarCompiler(IExpressionScope scope, RulesSettings settings, QueryReport report)
{
    private static readonly ConstantExpression NullConstant = new(SqlValue.Null);

    private bool IsEdition3 => settings.Edition == 3;

    /// <summary>Compiles an expression. Its mistakes are reported, all of them, and null stands in for a part that has one.</summary>
    public Bound Compile(SqlExpression node)
    {
        try
        {
            var value = CompileNode(node);
            report.Mark(value.Expression, node.Span);
            return value;
        }
        catch (SqlProblem problem)
        {
            report.Report(problem);
            return Bound.Constant(new ConstantExpression(SqlValue.Null));
        }
    }

    private Bound CompileNode(SqlExpression node)
    {
        switch (node)
        {
            case LiteralSyntax literal:
                return Bound.Constant(new ConstantExpression(literal.Value));
            case ColumnSyntax column:
                return scope.ResolveColumn(column);
            case UnarySyntax { Operator: UnaryOperator.Not } not:
                return Combine(not, [Compile(not.Operand)], parts => new NotExpression(parts[0], settings.SqliteExact));
            case UnarySyntax unary:
                throw SqlProblem.Unsupported(unary.Span, "A sign is only possible before a number; write 0 - x.");
            case BinarySyntax binary:
                return CompileBinary(binary, Compile(binary.Left), Compile(binary.Right));
            case IsSyntax test:
                return CompileIs(test);
            case InSyntax membership:
                return CompileIn(membership);
            case BetweenSyntax between:
                RequireEdition3(between.Span, "BETWEEN");
                var range = Combine(
                    between,
                    [Compile(between.Operand), Compile(between.Low), Compile(between.High)],
                    parts => new BetweenExpression(parts[0], parts[1], parts[2]));
                return between.Negated ? Negate(range) : range;
            case CaseSyntax choice:
                return CompileCase(choice);
            case CastSyntax cast:
                return CompileCast(cast);
            case ArrowSyntax arrow:
                return CompileArrow(arrow);
            case CallSyntax call:
                return scope.ResolveCall(call, this) ?? CompileCall(call);
            case ArraySyntax array:
                throw SqlProblem.Unsupported(array.Span, "ARRAY[…] and ROW(…) are only possible on the right of IN.");
            default:
                throw SqlProblem.Unsupported(node.Span, "A subquery is only possible on the right of IN in a condition.");
        }
    }

    /// <summary>Joins compiled sides with their operator.</summary>
    public Bound CompileBinary(BinarySyntax binary, Bound left, Bound right)
    {
        var value = CompileOperator(binary, left, right);
        report.Mark(value.Expression, binary.Span);
        return value;
    }

    private Bound CompileOperator(BinarySyntax binary, Bound left, Bound right)
    {
        switch (binary.Operator)
        {
            case BinaryOperator.And or BinaryOperator.Or:
                return Combine(binary, [left, right], parts => new LogicalExpression(binary.Operator == BinaryOperator.And, settings.SqliteExact, parts[0], parts[1]));
            case BinaryOperator.NotEqual when IsEdition3:
                return Negate(Combine(binary, [left, right], parts => new CompareExpression(BinaryOperator.Equal, parts[0], parts[1])));
            case BinaryOperator.Equal or BinaryOperator.NotEqual or BinaryOperator.Less or BinaryOperator.Greater
                or BinaryOperator.LessOrEqual or BinaryOperator.GreaterOrEqual:
                return Combine(binary, [left, right], parts => new CompareExpression(binary.Operator, parts[0], parts[1]));
            case BinaryOperator.Add or BinaryOperator.Subtract or BinaryOperator.Multiply or BinaryOperator.Divide:
                return Combine(binary, [left, right], parts => new ArithmeticExpression(binary.Operator, parts[0], parts[1]));
            case BinaryOperator.Concat:
                return Combine(binary, [left, right], parts => new ConcatExpression(parts[0], parts[1], settings.SqliteExact));
            case BinaryOperator.Overlap:
                if (settings.Edition == 1)
                    throw SqlProblem.Unsupported(binary.OperatorSpan, "The operator && needs edition 2 or 3.");
                return Combine(binary, [left, right], parts => new OverlapExpression(parts[0], parts[1]));
            default:
                RequireEdition3(binary.OperatorSpan, "This operator");
                return Combine(binary, [left, right], parts => new BitwiseExpression(binary.Operator, parts[0], parts[1]));
        }
    }

    public static Bound Negate(Bound operand, bool isThreeValued) =>
        operand with { Expression = new NotExpression(operand.Expression, isThreeValued) };

    private Bound Negate(Bound operand) => Negate(operand, settings.SqliteExact);

    private Bound CompileIs(IsSyntax test)
    {
        if (test.Test != IsTest.Null)
            RequireEdition3(test.Span, "IS TRUE and IS FALSE");
        return Combine(test, [Compile(test.Operand)], parts => new IsExpression(test.Test, test.Negated, settings.SqliteExact, parts[0]));
    }

    private Bound CompileIn(InSyntax membership)
    {
        if (membership.Negated && settings.Edition == 1)
            throw SqlProblem.Unsupported(membership.Span, "NOT IN needs edition 2 or 3.");
        Bound result;
        if (membership.List is ArraySyntax array)
        {
            RequireEdition3(array.Span, "IN ARRAY[…]");
            result = Combine(
                membership, [Compile(membership.Operand), .. array.Items.Select(Compile)], parts => new InItemsExpression(parts[0], parts[1..]));
        }
        else
        {
            result = Combine(
                membership, [Compile(membership.Operand), Compile(membership.List)], parts => new InJsonExpression(parts[0], parts[1]));
        }
        return membership.Negated ? Negate(result) : result;
    }

    private Bound CompileCase(CaseSyntax choice)
    {
        RequireEdition3(choice.Span, "CASE");
        var parts = new List<Bound>();
        foreach (var (when, then) in choice.Branches)
        {
            parts.Add(Compile(when));
            parts.Add(Compile(then));
        }
        if (choice.Operand is not null)
            parts.Add(Compile(choice.Operand));
        if (choice.Otherwise is not null)
            parts.Add(Compile(choice.Otherwise));
        var count = choice.Branches.Count;
        return Combine(choice, parts, compiled => new CaseExpression(
            choice.Operand is null ? null : compiled[count * 2],
            [.. Enumerable.Range(0, count).Select(index => compiled[index * 2])],
            [.. Enumerable.Range(0, count).Select(index => compiled[index * 2 + 1])],
            choice.Otherwise is null ? null : compiled[^1]));
    }

    private Bound CompileCast(CastSyntax cast)
    {
        CastTarget target = cast.Type switch
        {
            "text" => CastTarget.Text,
            "integer" => CastTarget.Integer,
            "real" => CastTarget.Real,
            "numeric" => CastTarget.Numeric,
            "blob" => CastTarget.Blob,
            _ => throw SqlProblem.Unsupported(
                cast.TypeSpan, $"A cast to '{cast.Type}' is not possible; the types are text, integer, real, numeric and blob."),
        };
        return Combine(cast, [Compile(cast.Operand)], parts => new CastExpression(target, settings.SqliteExact, parts[0]));
    }

    private Bound CompileArrow(ArrowSyntax arrow)
    {
        if (arrow.Step.Value.Kind == SqlKind.Integer)
            RequireEdition3(arrow.Step.Span, "An arrow with a position");
        var path = arrow.Step.Value.Kind == SqlKind.Integer
            ? arrow.Step.Value.Integer.ToString(System.Globalization.CultureInfo.InvariantCulture)
            : System.Text.Encoding.UTF8.GetString(arrow.Step.Value.Bytes.Span);
        var splitsPlainKeys = !settings.FixedJsonExtract && arrow.Step.Value.Kind == SqlKind.Text;
        var steps = settings.SqliteExact
            ? JsonPath.ParseExact(path) ?? throw SqlProblem.Semantics(arrow.Step.Span, "The JSON path is malformed.")
            : JsonPath.Parse(path, splitsPlainKeys);
        return Combine(
            arrow, [Compile(arrow.Operand)], parts => new ArrowExpression(parts[0], path, steps, arrow.AsText, !settings.FixedJsonExtract));
    }

    private Bound CompileCall(CallSyntax call)
    {
        var name = call.Name.Text.ToLowerInvariant();
        if (call.Qualifier is not null)
            throw SqlProblem.Reference(call.Span, $"There is no function '{call.Qualifier.Text}.{name}' here.{Suggestion.For(call.Qualifier.Text, ["request", "auth", "connection", "subscription"])}");
        if (name == "json_each")
            throw SqlProblem.Unsupported(call.Span, "json_each() gives rows; it is only possible in FROM.");
        if (FunctionCatalog.Forbidden.Contains(name))
            throw SqlProblem.Unsupported(call.Span, $"{name}() is not possible: its result depends on more than this row.");
        if (call.UsesKeywords)
            RequireEdition3(call.Span, "substring(x FROM a FOR b)");
        var function = FunctionCatalog.Find(name, !settings.FixedJsonExtract, settings.SqliteExact)
            ?? throw SqlProblem.Reference(
                call.Name.Span, $"There is no function '{name}'.{Suggestion.For(name, FunctionCatalog.Names)}");
        CheckCount(call, function);
        var arguments = call.Arguments.Take(function.MaxArguments).Select(Compile).ToList();
        while (arguments.Count < function.MinArguments)
            arguments.Add(Bound.Constant(NullConstant));
        return Combine(call, arguments, parts => new CallExpression(function, parts));
    }

    private void CheckCount(CallSyntax call, ScalarFunction function)
    {
        var count = call.Arguments.Count;
        if (count >= function.MinArguments && count <= function.MaxArguments)
            return;
        var expected = function.MinArguments == function.MaxArguments
            ? $"{function.MinArguments}"
            : $"{function.MinArguments} to {function.MaxArguments}";
        var message = $"{call.Name.Text}() takes {expected} argument(s), not {count}.";
        if (IsEdition3)
            throw SqlProblem.Semantics(call.Span, message);
        report.Warn(FindingClass.ArgumentCount, call.Span, message + " Missing ones count as null, extra ones are ignored.");
    }

    private void RequireEdition3(TextSpan span, string what)
    {
        if (!IsEdition3)
            throw SqlProblem.Unsupported(span, $"{what} needs edition 3.");
    }

    private static Bound Combine(SqlExpression node, IReadOnlyList<Bound> parts, Func<Expression[], Expression> build)
    {
        var origin = Origin.Constant;
        var source = 0;
        foreach (var part in parts)
        {
            if (part.Origin == Origin.Constant)
                continue;
            if (origin == Origin.Constant)
                (origin, source) = (part.Origin, part.Source);
            else if (origin != part.Origin)
                throw SqlProblem.Unsupported(node.Span, "An expression cannot mix values of the row and of the request; only '=' and IN can connect them.");
            else if (source != part.Source)
                throw SqlProblem.Unsupported(node.Span, "An expression cannot mix columns of two tables; only '=' and IN can connect them.");
        }
        return new Bound(build([.. parts.Select(part => part.Expression)]), origin, source);
    }
}

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
                    parts => Between(parts[0], parts[1], parts[2]));
                return between.Negated ? Negate(range) : range;
            case LikeSyntax like:
                return CompileLike(like);
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
                return Negate(Combine(binary, [left, right], parts => Compare(BinaryOperator.Equal, parts[0], parts[1])));
            case BinaryOperator.Equal or BinaryOperator.NotEqual or BinaryOperator.Less or BinaryOperator.Greater
                or BinaryOperator.LessOrEqual or BinaryOperator.GreaterOrEqual:
                return Combine(binary, [left, right], parts => Compare(binary.Operator, parts[0], parts[1]));
            case BinaryOperator.Add or BinaryOperator.Subtract or BinaryOperator.Multiply or BinaryOperator.Divide:
                return Combine(binary, [left, right], parts => new ArithmeticExpression(binary.Operator, parts[0], parts[1], settings.SqliteExact));
            case BinaryOperator.Concat:
                return Combine(binary, [left, right], parts => new ConcatExpression(parts[0], parts[1], settings.SqliteExact));
            case BinaryOperator.Overlap:
                // The preview streams of edition 2 have it as a condition, which is compiled elsewhere.
                RequireEdition3(binary.OperatorSpan, "The operator && as a value");
                return Combine(binary, [left, right], parts => new OverlapExpression(parts[0], parts[1]));
            default:
                RequireEdition3(binary.OperatorSpan, "This operator");
                return Combine(binary, [left, right], parts => new BitwiseExpression(binary.Operator, parts[0], parts[1]));
        }
    }

    public static Bound Negate(Bound operand, bool isExact) =>
        operand with { Expression = new NotExpression(operand.Expression, isExact) };

    private Bound Negate(Bound operand) => Negate(operand, settings.SqliteExact);

    private Bound CompileIs(IsSyntax test)
    {
        if (test.Test != IsTest.Null)
            RequireEdition3(test.Span, "IS TRUE and IS FALSE");
        return Combine(test, [Compile(test.Operand)], parts => new IsExpression(test.Test, test.Negated, settings.SqliteExact, parts[0]));
    }

    private Bound CompileIn(InSyntax membership)
    {
        if (membership.Negated)
            RequireEdition3(membership.Span, "NOT IN as a value");
        Bound result;
        if (membership.List is ArraySyntax array)
        {
            RequireEdition3(array.Span, "IN ARRAY[…]");
            result = Combine(
                membership, [Compile(membership.Operand), .. array.Items.Select(Compile)], parts => InItems(parts[0], parts[1..]));
        }
        else
        {
            result = Combine(
                membership, [Compile(membership.Operand), Compile(membership.List)], parts => new InJsonExpression(parts[0], parts[1], settings.SqliteExact));
        }
        return membership.Negated ? Negate(result) : result;
    }

    private Bound CompileLike(LikeSyntax like)
    {
        if (!settings.SqliteFunctions)
            throw SqlProblem.Unsupported(like.OperatorSpan, "LIKE is not possible unless 'config' has 'sqlite_functions: true'.");
        var parts = new List<Bound> { Compile(like.Pattern), Compile(like.Operand) };
        if (like.Escape is not null)
            parts.Add(Compile(like.Escape));
        var result = Combine(like, parts, compiled => new CallExpression(FunctionCatalog.Find("like", settings)!, compiled));

        // As for !=: before edition 3 the negation of unknown is unknown.
        return like.Negated ? Negate(result, settings.SqliteExact || !IsEdition3) : result;
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
        return Combine(choice, parts, compiled =>
        {
            var operand = choice.Operand is null ? null : compiled[count * 2];
            Expression[] whens = [.. Enumerable.Range(0, count).Select(index => compiled[index * 2])];
            Expression[] thens = [.. Enumerable.Range(0, count).Select(index => compiled[index * 2 + 1])];
            var otherwise = choice.Otherwise is null ? null : compiled[^1];
            return operand is null || !settings.SqliteExact
                ? new CaseExpression(operand, whens, thens, otherwise, settings.SqliteExact)
                : new CaseExpression(null, [.. whens.Select(when => Compare(BinaryOperator.Equal, operand, when))], thens, otherwise, isExact: true);
        });
    }

    /// <summary>A comparison under the rules of the file.</summary>
    public CompareExpression Compare(BinaryOperator comparison, Expression left, Expression right)
    {
        if (settings.SqliteExact)
            (left, right) = Affinity.Apply(left, right);
        return new CompareExpression(comparison, left, right, settings.SqliteExact);
    }

    private Expression Between(Expression operand, Expression low, Expression high) => settings.SqliteExact
        ? new LogicalExpression(
            isAnd: true, isExact: true,
            Compare(BinaryOperator.GreaterOrEqual, operand, low), Compare(BinaryOperator.LessOrEqual, operand, high))
        : new BetweenExpression(operand, low, high);

    private InItemsExpression InItems(Expression operand, Expression[] items)
    {
        if (settings.SqliteExact)
            (operand, items) = Affinity.Apply(operand, items);
        return new InItemsExpression(operand, items, settings.SqliteExact);
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
            ? Position(arrow.Step.Value.Integer)
            : System.Text.Encoding.UTF8.GetString(arrow.Step.Value.Bytes.Span);
        var splitsPlainKeys = !settings.FixedJsonExtract && arrow.Step.Value.Kind == SqlKind.Text;
        var steps = settings.SqliteExact
            ? JsonPath.ParseExactArrow(arrow.Step.Value) ?? throw SqlProblem.Semantics(arrow.Step.Span, "The JSON path is malformed.")
            : JsonPath.Parse(path, splitsPlainKeys);
        return Combine(
            arrow, [Compile(arrow.Operand)], parts => new ArrowExpression(parts[0], path, steps, arrow.AsText, !settings.FixedJsonExtract, settings.SqliteExact));
    }

    // SQLite tells a position from a key of digits, so their canonical forms must differ too.
    private string Position(long position)
    {
        var culture = System.Globalization.CultureInfo.InvariantCulture;
        if (!settings.SqliteExact)
            return position.ToString(culture);
        return position < 0 ? string.Create(culture, $"[#{position}]") : string.Create(culture, $"[{position}]");
    }

    private Bound CompileCall(CallSyntax call)
    {
        var name = call.Name.Text.ToLowerInvariant();
        if (call.Qualifier is not null)
            throw SqlProblem.Reference(call.Span, $"There is no function '{call.Qualifier.Text}.{name}' here.{Suggestion.For(call.Qualifier.Text, ["request", "auth", "connection", "subscription"])}");
        if (name == "json_each")
            throw SqlProblem.Unsupported(call.Span, "json_each() gives rows; it is only possible in FROM.");
        if (FunctionCatalog.IsForbidden(name, call.Arguments.Count, settings))
            throw SqlProblem.Unsupported(call.Span, $"{name}() is not possible: its result depends on more than this row.");
        if (call.UsesKeywords)
            RequireEdition3(call.Span, "substring(x FROM a FOR b)");
        var function = FunctionCatalog.Find(name, settings) ?? throw UnknownFunction(call.Name, name);
        CheckCount(call, function);
        var arguments = call.Arguments.Take(function.MaxArguments).Select(Compile).ToList();
        while (arguments.Count < function.MinArguments)
            arguments.Add(Bound.Constant(NullConstant));
        return Combine(call, arguments, parts => Call(function, parts));
    }

    // SQLite's conditional functions do not evaluate what they do not need, so it cannot fail.
    private Expression Call(ScalarFunction function, Expression[] arguments) => function.Name switch
    {
        "coalesce" => new CoalesceExpression(arguments),
        "ifnull" when settings.SqliteExact => new CoalesceExpression(arguments),
        "iif" when settings.SqliteExact => new CaseExpression(null, [arguments[0]], [arguments[1]], arguments[2], isExact: true),
        _ => new CallExpression(function, arguments),
    };

    private SqlProblem UnknownFunction(SqlName written, string name) => SqlProblem.Reference(
        written.Span,
        FunctionCatalog.IsInLibrary(name)
            ? $"There is no function '{name}' unless 'config' has 'sqlite_functions: true'."
            : $"There is no function '{name}'.{Suggestion.For(name, FunctionCatalog.NamesFor(settings))}");

    private void CheckCount(CallSyntax call, ScalarFunction function)
    {
        var count = call.Arguments.Count;
        if (function.Name == "json_object" && count % 2 != 0)
            throw SqlProblem.Semantics(call.Span, "json_object() takes pairs of a label and a value.");
        if (count >= function.MinArguments && count <= function.MaxArguments)
            return;
        var expected = function.MinArguments == function.MaxArguments
            ? $"{function.MinArguments}"
            : function.MaxArguments == SqliteLibrary.Any ? $"at least {function.MinArguments}" : $"{function.MinArguments} to {function.MaxArguments}";
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

using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Sql;

// Operator precedence, tightest first. It differs from Postgres and SQLite in places, because existing files rely on it:
//   12  ::  ->  ->>            6  <  >  <=  >=
//   11  unary + -              5  IS …, ISNULL, NOTNULL
//   10  * / %                  4  =  !=  <>
//    9  + - || &&              3  NOT
//    8  & | << >>              2  AND
//    7  IN, BETWEEN, LIKE      1  OR
internal sealed partial class SqlParser
{
    public const int UnaryLevel = 11;
    public const int MembershipLevel = 7;
    public const int IsLevel = 5;
    public const int NotLevel = 3;

    private static readonly Dictionary<string, (BinaryOperator Operator, int Level)> BinaryOperators = new()
    {
        ["or"] = (BinaryOperator.Or, 1),
        ["and"] = (BinaryOperator.And, 2),
        ["="] = (BinaryOperator.Equal, 4),
        ["!="] = (BinaryOperator.NotEqual, 4),
        ["<>"] = (BinaryOperator.NotEqual, 4),
        ["<"] = (BinaryOperator.Less, 6),
        [">"] = (BinaryOperator.Greater, 6),
        ["<="] = (BinaryOperator.LessOrEqual, 6),
        [">="] = (BinaryOperator.GreaterOrEqual, 6),
        ["&"] = (BinaryOperator.BitAnd, 8),
        ["|"] = (BinaryOperator.BitOr, 8),
        ["<<"] = (BinaryOperator.ShiftLeft, 8),
        [">>"] = (BinaryOperator.ShiftRight, 8),
        ["+"] = (BinaryOperator.Add, 9),
        ["-"] = (BinaryOperator.Subtract, 9),
        ["||"] = (BinaryOperator.Concat, 9),
        ["&&"] = (BinaryOperator.Overlap, 9),
        ["*"] = (BinaryOperator.Multiply, 10),
        ["/"] = (BinaryOperator.Divide, 10),
        ["%"] = (BinaryOperator.Modulo, 10),
    };

    /// <summary>How an operator is written, and its level.</summary>
    public static (string Text, int Level) OperatorOf(BinaryOperator binary)
    {
        var (text, found) = BinaryOperators.First(entry => entry.Value.Operator == binary);
        return (text.ToUpperInvariant(), found.Level);
    }

    private SqlExpression ParseExpression(int minimum = 1)
    {
        Enter();
        var left = ParsePrefix();
        while (true)
        {
            if (TryParseBinary(ref left, minimum) || TryParseMembership(ref left, minimum) || TryParseIs(ref left, minimum))
            {
                CountOperator();
                continue;
            }
            RefuseOperators();
            _depth--;
            return left;
        }
    }

    private SqlExpression ParsePrefix()
    {
        var start = Next.Span;
        if (Next.IsWord("not"))
        {
            _at++;
            var operand = ParseExpression(NotLevel);
            return new UnarySyntax(UnaryOperator.Not, operand, start.To(operand.Span));
        }
        if (Next.IsSymbol("-") || Next.IsSymbol("+"))
        {
            var isMinus = Next.IsSymbol("-");
            _at++;
            if (isMinus && Next.Kind is SqlTokenKind.Integer or SqlTokenKind.Decimal)
                return ParsePostfix(ParseNumber(start, negative: true));
            var operand = ParseExpression(UnaryLevel);
            return new UnarySyntax(isMinus ? UnaryOperator.Minus : UnaryOperator.Plus, operand, start.To(operand.Span));
        }
        return ParsePostfix(ParsePrimary());
    }

    private bool TryParseBinary(ref SqlExpression left, int minimum)
    {
        if (Next.Kind is not (SqlTokenKind.Symbol or SqlTokenKind.Identifier)
            || !BinaryOperators.TryGetValue(Next.Text, out var found) || found.Level < minimum)
            return false;
        var operatorSpan = Next.Span;
        _at++;
        if (Next.Kind == SqlTokenKind.Identifier && Next.Text is "any" or "all" or "some" && _tokens[_at + 1].IsSymbol("("))
            throw SqlProblem.Unsupported(Next.Span, $"{Next.Text.ToUpperInvariant()}(…) is not possible; use IN with a JSON array.");
        var right = ParseExpression(found.Level + 1);
        left = new BinarySyntax(found.Operator, left, right, operatorSpan, left.Span.To(right.Span));
        return true;
    }

    private bool TryParseMembership(ref SqlExpression left, int minimum)
    {
        var negated = Next.IsWord("not");
        var word = negated ? _tokens[_at + 1] : Next;
        if (word.Kind != SqlTokenKind.Identifier || MembershipLevel < minimum)
            return false;
        switch (word.Text)
        {
            case "in":
                _at += negated ? 2 : 1;
                var list = ParseList();
                left = new InSyntax(left, list, negated, left.Span.To(list.Span));
                return true;
            case "between":
                _at += negated ? 2 : 1;
                var low = ParseExpression(MembershipLevel + 1);
                Expect("and");
                var high = ParseExpression(MembershipLevel + 1);
                left = new BetweenSyntax(left, low, high, negated, left.Span.To(high.Span));
                return true;
            case "like":
                _at += negated ? 2 : 1;
                var pattern = ParseExpression(MembershipLevel + 1);
                var hasEscape = Next.IsWord("escape") && _tokens[_at + 1].Kind != SqlTokenKind.End;
                _at += hasEscape ? 1 : 0;
                var escape = hasEscape ? ParseExpression(MembershipLevel + 1) : null;
                left = new LikeSyntax(left, pattern, escape, negated, word.Span, left.Span.To((escape ?? pattern).Span));
                return true;
            case "ilike" or "similar":
                throw SqlProblem.Unsupported(word.Span, $"{word.Text.ToUpperInvariant()} is not possible.");
            default:
                return false;
        }
    }

    private SqlExpression ParseList()
    {
        var start = Next.Span;
        if (Next.IsSymbol("(") && _tokens[_at + 1].IsWord("select"))
        {
            _at++;
            return ParseSubquery(start);
        }
        return ParseExpression(MembershipLevel + 1);
    }

    private bool TryParseIs(ref SqlExpression left, int minimum)
    {
        if (Next.Kind != SqlTokenKind.Identifier || IsLevel < minimum)
            return false;
        if (Next.Text is "isnull" or "notnull")
        {
            left = new IsSyntax(left, IsTest.Null, Next.Text == "notnull", left.Span.To(Next.Span));
            _at++;
            return true;
        }
        if (!TakeWord("is"))
            return false;
        var negated = TakeWord("not");
        IsTest? test = Next.Kind != SqlTokenKind.Identifier ? null : Next.Text switch
        {
            "null" => IsTest.Null,
            "true" => IsTest.True,
            "false" => IsTest.False,
            "distinct" or "unknown" or "document" or "normalized" =>
                throw SqlProblem.Unsupported(Next.Span, "Only IS [NOT] NULL, TRUE and FALSE are possible."),
            _ => null,
        };
        if (test is null)
            throw Unexpected("NULL, TRUE or FALSE after IS");
        left = new IsSyntax(left, test.Value, negated, left.Span.To(Next.Span));
        _at++;
        return true;
    }

    private SqlExpression ParsePostfix(SqlExpression operand)
    {
        while (true)
        {
            if (TakeSymbol("::"))
            {
                CountOperator();
                var type = ParseTypeName(out var typeSpan);
                operand = new CastSyntax(operand, type, typeSpan, operand.Span.To(typeSpan));
            }
            else if (Next.IsSymbol("->") || Next.IsSymbol("->>"))
            {
                CountOperator();
                var asText = Next.IsSymbol("->>");
                _at++;
                var step = ParseStep();
                operand = new ArrowSyntax(operand, step, asText, operand.Span.To(step.Span));
            }
            else if (Next.IsSymbol("["))
            {
                throw SqlProblem.Unsupported(Next.Span, "Subscripts are not possible; use ->> with the name or position.");
            }
            else
            {
                return operand;
            }
        }
    }

    private LiteralSyntax ParseStep()
    {
        var start = Next.Span;
        if (TakeSymbol("-") && Next.Kind == SqlTokenKind.Integer)
            return ParseNumber(start, negative: true);
        var token = Next;
        switch (token.Kind)
        {
            case SqlTokenKind.Text:
                _at++;
                return new LiteralSyntax(SqlValue.FromText(token.Text), token.Span);
            case SqlTokenKind.Integer:
                return ParseNumber(start, negative: false);
            default:
                throw Unexpected("a string or an integer after the arrow");
        }
    }

    private string ParseTypeName(out TextSpan span)
    {
        var first = Next;
        if (first.Kind is not (SqlTokenKind.Identifier or SqlTokenKind.QuotedIdentifier))
            throw Unexpected("a type name");
        _at++;

        // Types of several words and arrays of types are read so that the refusal can name them.
        while (first.Text is "double" or "character" or "bit" or "time" or "timestamp"
            && Next.Kind == SqlTokenKind.Identifier && Next.Text is "precision" or "varying" or "with" or "without" or "time" or "zone")
            _at++;
        if (Next.IsSymbol("[") && _tokens[_at + 1].IsSymbol("]"))
            throw SqlProblem.Unsupported(first.Span.To(_tokens[_at + 1].Span), "A cast to an array is not possible.");
        if (TakeSymbol("("))
        {
            while (!Next.IsSymbol(")") && Next.Kind != SqlTokenKind.End)
                _at++;
            ExpectSymbol(")");
            throw SqlProblem.Unsupported(first.Span.To(_tokens[_at - 1].Span), "A type has no length or precision here.");
        }
        span = first.Span.To(_tokens[_at - 1].Span);
        return first.Text.ToLowerInvariant();
    }

    private void RefuseOperators()
    {
        if (Next.IsSymbol("~") || (Next.IsSymbol("!") && _tokens[_at + 1].IsSymbol("~")))
            throw SqlProblem.Unsupported(Next.Span, "Regular expressions are not possible.");
        if (Next.IsSymbol("!") || Next.IsSymbol("^") || Next.IsSymbol("#") || Next.IsSymbol("@"))
            throw SqlProblem.Unsupported(Next.Span, $"There is no operator with '{Next.Text}'.");
        if (Next.IsWord("collate"))
            throw SqlProblem.Unsupported(Next.Span, "COLLATE is not possible; text compares by character code.");
        if (Next.IsWord("overlaps") || Next.IsWord("similar"))
            throw SqlProblem.Unsupported(Next.Span, $"{Next.Text.ToUpperInvariant()} is not possible.");
    }
}

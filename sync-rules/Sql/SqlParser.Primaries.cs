using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Sql;

// Literals, names, calls and everything else that starts an expression.
internal sealed partial class SqlParser
{
    private SqlExpression ParsePrimary()
    {
        var token = Next;
        switch (token.Kind)
        {
            case SqlTokenKind.Text:
                _at++;
                return new LiteralSyntax(SqlValue.FromText(token.Text), token.Span);
            case SqlTokenKind.Integer or SqlTokenKind.Decimal:
                return ParseNumber(token.Span, negative: false);
            case SqlTokenKind.QuotedIdentifier:
                return ParseReference();
            case SqlTokenKind.Identifier:
                return ParseWord(token);
        }
        if (!token.IsSymbol("("))
            throw Unexpected("an expression");
        _at++;
        return Next.IsWord("select") ? ParseSubquery(token.Span) : ParseParentheses(token.Span);
    }

    /// <summary>The rest of <c>(SELECT …)</c> after its parenthesis.</summary>
    private SubquerySyntax ParseSubquery(TextSpan start)
    {
        Enter();
        var select = ParseSelect();
        _depth--;
        ExpectSymbol(")");
        return new SubquerySyntax(select, start.To(_tokens[_at - 1].Span));
    }

    private SqlExpression ParseParentheses(TextSpan start)
    {
        var inner = ParseExpression();
        if (Next.IsSymbol(","))
        {
            _refuse(SqlProblem.Unsupported(start, "Lists of values in parentheses are not possible; use a JSON array, or ARRAY[…] in edition 3."));
            while (TakeSymbol(","))
                ParseExpression();
        }
        ExpectSymbol(")");
        return inner with { Span = start.To(_tokens[_at - 1].Span) };
    }

    private SqlExpression ParseWord(SqlToken token)
    {
        switch (token.Text)
        {
            case "null":
                _at++;
                return new LiteralSyntax(SqlValue.Null, token.Span);
            case "true" or "false":
                _at++;
                return new LiteralSyntax(SqlValue.FromBoolean(token.Text == "true"), token.Span);
            case "case":
                return ParseCase();
            case "cast":
                return ParseCast();
            case "array" when _tokens[_at + 1].IsSymbol("["):
                return ParseItems("]");
            case "row" when _tokens[_at + 1].IsSymbol("("):
                return ParseItems(")");
            case "exists" when _tokens[_at + 1].IsSymbol("("):
                throw SqlProblem.Unsupported(token.Span, "EXISTS is not possible; use IN (SELECT …).");
            case "extract" when _tokens[_at + 1].IsSymbol("("):
                throw SqlProblem.Unsupported(token.Span, "EXTRACT is not possible.");
            case "interval" or "date" or "timestamp" or "time" when _tokens[_at + 1].Kind == SqlTokenKind.Text:
                throw SqlProblem.Unsupported(token.Span, "Typed literals are not possible; dates are text.");
            case "current_date" or "current_timestamp" or "current_time" or "current_user" or "session_user" or "localtime":
                throw SqlProblem.Unsupported(token.Span, $"{token.Text.ToUpperInvariant()} is not possible: it is not part of the row or the request.");
            case "left" or "right" or "like" when _tokens[_at + 1].IsSymbol("("):
                break;
            default:
                if (token.IsReserved)
                    RefuseReserved();
                break;
        }
        return ParseReference();
    }

    // What follows shows that it is meant as a column's name.
    private void RefuseReserved()
    {
        var problem = Unexpected("an expression");
        var isName = NamesOfColumns.Contains(Next.Text)
            && _tokens[_at + 1] is { Kind: SqlTokenKind.End } or { Text: "," or ")" or "=" or "from" or "where" or "and" or "or" or "is" or "in" };
        if (!isName)
            throw problem;
        _refuse(problem);
    }

    private SqlExpression ParseReference()
    {
        var first = ParseName("a name", afterQualifier: Next.IsReserved || _tokens[_at + 1].IsSymbol("("));
        if (Next.IsSymbol("("))
            return ParseCall(null, first);
        if (!Next.IsSymbol("."))
            return new ColumnSyntax(null, first, first.Span);
        _at++;
        if (Next.IsSymbol("*"))
            throw SqlProblem.Syntax(Next.Span, "A star can only stand alone in the select list.");
        var second = ParseName("a column name", afterQualifier: true);
        if (Next.IsSymbol("("))
            return ParseCall(first, second);
        if (Next.IsSymbol("."))
            throw SqlProblem.Unsupported(first.Span.To(Next.Span), "A column has at most a table and a name; give the table an alias.");
        return new ColumnSyntax(first, second, first.Span.To(second.Span));
    }

    private CallSyntax ParseCall(SqlName? qualifier, SqlName name)
    {
        var start = (qualifier ?? name).Span;
        _names.Remove(name);
        if (qualifier is not null)
            _names.Remove(qualifier);
        ExpectSymbol("(");
        var arguments = new List<SqlExpression>();
        var usesKeywords = false;
        if (Next.IsWord("distinct") || Next.IsWord("all"))
            throw SqlProblem.Unsupported(Next.Span, $"{Next.Text.ToUpperInvariant()} inside a call is not possible.");
        if (Next.IsSymbol("*"))
            throw SqlProblem.Unsupported(Next.Span, "Aggregates are not possible: each row is looked at alone.");
        if (!Next.IsSymbol(")"))
        {
            arguments.Add(ParseExpression());
            usesKeywords = name.Text == "substring" && qualifier is null && (Next.IsWord("from") || Next.IsWord("for"));
            if (usesKeywords)
                ParseSubstring(arguments);
            while (!usesKeywords && TakeSymbol(","))
                arguments.Add(ParseExpression());
        }
        if (Next.IsWord("order"))
            throw SqlProblem.Unsupported(Next.Span, "ORDER BY inside a call is not possible.");
        ExpectSymbol(")");
        if (Next.IsWord("over") || Next.IsWord("filter") || Next.IsWord("within"))
        {
            if (_tokens[_at + 1].IsSymbol("(") || Next.IsWord("over"))
                throw SqlProblem.Unsupported(Next.Span, $"{Next.Text.ToUpperInvariant()} is not possible: each row is looked at alone.");
        }
        return new CallSyntax(qualifier, name, arguments, start.To(_tokens[_at - 1].Span)) { UsesKeywords = usesKeywords };
    }

    private void ParseSubstring(List<SqlExpression> arguments)
    {
        var one = new LiteralSyntax(SqlValue.FromInteger(1), Next.Span);
        arguments.Add(TakeWord("from") ? ParseExpression() : one);
        if (TakeWord("for"))
            arguments.Add(ParseExpression());
    }

    private ArraySyntax ParseItems(string closing)
    {
        var start = Next.Span;
        _at += 2;
        var items = new List<SqlExpression>();
        if (!Next.IsSymbol(closing))
        {
            do
            {
                items.Add(ParseExpression());
            }
            while (TakeSymbol(","));
        }
        ExpectSymbol(closing);
        return new ArraySyntax(items, start.To(_tokens[_at - 1].Span));
    }

    private CaseSyntax ParseCase()
    {
        var start = Expect("case");
        var operand = Next.IsWord("when") ? null : ParseExpression();
        var branches = new List<(SqlExpression When, SqlExpression Then)>();
        while (TakeWord("when"))
        {
            var when = ParseExpression();
            Expect("then");
            branches.Add((when, ParseExpression()));
        }
        if (branches.Count == 0)
            throw Unexpected("WHEN");
        var otherwise = TakeWord("else") ? ParseExpression() : null;
        var end = Expect("end");
        return new CaseSyntax(operand, branches, otherwise, start.To(end));
    }

    private CastSyntax ParseCast()
    {
        var start = Expect("cast");
        ExpectSymbol("(");
        var operand = ParseExpression();
        Expect("as");
        var type = ParseTypeName(out var typeSpan);
        ExpectSymbol(")");
        return new CastSyntax(operand, type, typeSpan, start.To(_tokens[_at - 1].Span));
    }

    private LiteralSyntax ParseNumber(TextSpan start, bool negative)
    {
        var token = Next;
        _at++;
        Span<byte> digits = new byte[token.Text.Length + 1];
        digits[0] = (byte)(negative ? '-' : '+');
        Encoding.ASCII.GetBytes(token.Text, digits[1..]);
        var span = start.To(token.Span);
        if (token.Kind == SqlTokenKind.Integer && SqlNumber.TryInteger(digits, out var integer))
            return new LiteralSyntax(SqlValue.FromInteger(integer), span);
        var real = SqlNumber.ParseReal(digits);
        if (!double.IsFinite(real))
            throw SqlProblem.Syntax(span, "The number is too large.");
        return new LiteralSyntax(SqlValue.FromReal(real), span);
    }
}

using System.Text;

namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>Cuts a query into tokens.</summary>
/// <param name="text">The query.</param>
/// <param name="refuse">Receives mistakes that reading can go on after.</param>
internal sealed class SqlLexer(string text, Action<SqlProblem> refuse)
{
    private static readonly string[] Symbols = ["->>", "::", "->", "||", "&&", "<=", ">=", "<>", "!=", "<<", ">>"];

    private int _at;

    /// <summary>All tokens, the last one being <see cref="SqlTokenKind.End"/>.</summary>
    /// <exception cref="SqlProblem">A character or a quote that starts no token.</exception>
    public List<SqlToken> ReadAll()
    {
        var tokens = new List<SqlToken>();
        do
        {
            tokens.Add(Read());
        }
        while (tokens[^1].Kind != SqlTokenKind.End);
        return tokens;
    }

    private SqlToken Read()
    {
        SkipBlanksAndComments();
        if (_at >= text.Length)
            return new SqlToken(SqlTokenKind.End, "", new TextSpan(text.Length, text.Length));

        var c = text[_at];
        if (c is 'e' or 'E' && Peek(1) == '\'')
            return ReadEscapedText();
        if (char.IsLetter(c) || c == '_')
            return ReadWord();
        if (char.IsAsciiDigit(c) || (c == '.' && char.IsAsciiDigit(Peek(1))))
            return ReadNumber();
        return c switch
        {
            '\'' => ReadQuoted('\'', SqlTokenKind.Text, "string"),
            '"' => ReadQuoted('"', SqlTokenKind.QuotedIdentifier, "quoted name"),
            _ => ReadSymbol(),
        };
    }

    private SqlToken ReadWord()
    {
        var start = _at;
        while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] is '_'))
            _at++;
        var word = text[start.._at];
        var folded = word.ToLowerInvariant();
        return new SqlToken(SqlTokenKind.Identifier, folded, new TextSpan(start, _at), WasFolded: folded != word);
    }

    private SqlToken ReadNumber()
    {
        var start = _at;
        var isDecimal = false;
        SkipDigits();
        if (Peek(0) == '.' && Peek(1) != '.')
        {
            isDecimal = true;
            _at++;
            SkipDigits();
        }
        var exponent = Peek(1) is '+' or '-' ? 2 : 1;
        if (Peek(0) is 'e' or 'E' && char.IsAsciiDigit(Peek(exponent)))
        {
            isDecimal = true;
            _at += exponent;
            SkipDigits();
        }
        if (char.IsLetter(Peek(0)) || Peek(0) == '_')
            throw SqlProblem.Syntax(new TextSpan(start, _at + 1), "A number is followed directly by a letter.");
        return new SqlToken(isDecimal ? SqlTokenKind.Decimal : SqlTokenKind.Integer, text[start.._at], new TextSpan(start, _at));
    }

    private SqlToken ReadQuoted(char quote, SqlTokenKind kind, string what)
    {
        var start = _at++;
        var content = new StringBuilder();
        while (true)
        {
            if (_at >= text.Length)
                throw SqlProblem.Syntax(new TextSpan(start, text.Length), $"The {what} is not closed; expected {quote}.");
            if (text[_at] == quote)
            {
                if (Peek(1) != quote)
                    break;
                _at++;
            }
            content.Append(text[_at++]);
        }
        _at++;
        if (kind == SqlTokenKind.QuotedIdentifier && content.Length == 0)
            throw SqlProblem.Syntax(new TextSpan(start, _at), "A quoted name must not be empty.");
        return new SqlToken(kind, content.ToString(), new TextSpan(start, _at));
    }

    private SqlToken ReadEscapedText()
    {
        var start = _at;
        _at += 2;
        var content = new StringBuilder();
        while (true)
        {
            if (_at >= text.Length)
                throw SqlProblem.Syntax(new TextSpan(start, text.Length), "The string is not closed; expected '.");
            var c = text[_at++];
            if (c == '\'')
            {
                if (Peek(0) != '\'')
                    break;
                _at++;
            }
            else if (c == '\\' && _at < text.Length)
            {
                c = text[_at++] switch
                {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'b' => '\b',
                    'f' => '\f',
                    var other => other,
                };
            }
            content.Append(c);
        }
        return new SqlToken(SqlTokenKind.Text, content.ToString(), new TextSpan(start, _at));
    }

    private SqlToken ReadSymbol()
    {
        var start = _at;
        var rest = text.AsSpan(_at);
        foreach (var symbol in Symbols)
        {
            if (rest.StartsWith(symbol))
            {
                _at += symbol.Length;
                return new SqlToken(SqlTokenKind.Symbol, symbol, new TextSpan(start, _at));
            }
        }
        if (rest.StartsWith("=="))
        {
            _at += 2;
            refuse(SqlProblem.Syntax(new TextSpan(start, _at), "Equality is written '=', not '=='."));
            return new SqlToken(SqlTokenKind.Symbol, "=", new TextSpan(start, _at));
        }
        if (text[_at] == '$' && char.IsAsciiDigit(Peek(1)) || text[_at] == '?')
            throw SqlProblem.Unsupported(new TextSpan(start, start + 1), "Placeholders have no value here; use a request function.");
        if (!"()[],.;*+-/%&|<>=:~!^#@".Contains(text[_at], StringComparison.Ordinal))
            throw SqlProblem.Syntax(new TextSpan(start, start + 1), $"Unexpected character '{text[_at]}'.");
        _at++;
        return new SqlToken(SqlTokenKind.Symbol, text[start.._at], new TextSpan(start, _at));
    }

    private void SkipBlanksAndComments()
    {
        while (_at < text.Length)
        {
            if (char.IsWhiteSpace(text[_at]))
                _at++;
            else if (text[_at] == '-' && Peek(1) == '-')
                SkipTo("\n");
            else if (text[_at] == '/' && Peek(1) == '*')
                SkipComment();
            else
                break;
        }
    }

    private void SkipComment()
    {
        var start = _at;
        _at += 2;
        var end = text.IndexOf("*/", _at, StringComparison.Ordinal);
        if (end < 0)
            throw SqlProblem.Syntax(new TextSpan(start, text.Length), "The comment is not closed; expected */.");
        _at = end + 2;
    }

    private void SkipTo(string mark)
    {
        var end = text.IndexOf(mark, _at, StringComparison.Ordinal);
        _at = end < 0 ? text.Length : end + mark.Length;
    }

    private void SkipDigits()
    {
        while (char.IsAsciiDigit(Peek(0)))
            _at++;
    }

    private char Peek(int offset) => _at + offset < text.Length ? text[_at + offset] : '\0';
}

using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Functions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Serialization;

/// <summary>Reads the canonical text that <see cref="Expression.Print"/> writes.</summary>
// EXPRESSION  null | 5 | 2.5r | 'text' | x'00FF' | "column" | (head EXPRESSION …)
//             | each0(call).key | each0(call).value | table:Fact | request:Part | request:Part."name" | request:Part{}
// Heads name the operator, with ! for SQLite's exact way: and, and!, Equal, castText, castText!, call:upper, …
internal sealed class ExpressionReader
{
    // Deeper than any expression that compiles; keeps recursion far from the end of the stack.
    private const int MaxDepth = 5000;

    private readonly string _text;
    private readonly IReadOnlyList<string> _columns;
    private readonly RulesSettings _settings;
    private int _at;
    private int _depth;

    private ExpressionReader(string text, IReadOnlyList<string> columns, RulesSettings settings)
    {
        _text = text;
        _columns = columns;
        _settings = settings;
    }

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    /// <param name="text">The canonical text.</param>
    /// <param name="columns">Names of the columns of the query, by slot.</param>
    /// <param name="settings">Of the file, which decide between functions of one name.</param>
    /// <exception cref="FormatException">The text is no expression.</exception>
    public static Expression Read(string text, IReadOnlyList<string> columns, RulesSettings settings)
    {
        var reader = new ExpressionReader(text, columns, settings);
        var expression = reader.Read();
        return reader._at == text.Length ? expression : throw reader.Unreadable();
    }

    private Expression Read()
    {
        if (++_depth > MaxDepth)
            throw Unreadable();
        var expression = Next switch
        {
            '(' => ReadCall(),
            '\'' => new ConstantExpression(SqlValue.FromText(ReadQuoted('\''))),
            '"' => ReadColumn(),
            _ when _text.AsSpan(_at).StartsWith("x'") => ReadBlob(),
            _ => ReadWord(),
        };
        _depth--;
        return expression;
    }

    private ConstantExpression ReadBlob()
    {
        _at++;
        return new ConstantExpression(SqlValue.FromBlob(Convert.FromHexString(ReadQuoted('\''))));
    }

    private ColumnExpression ReadColumn()
    {
        var name = ReadQuoted('"');
        for (var slot = 0; slot < _columns.Count; slot++)
        {
            if (_columns[slot] == name)
                return new ColumnExpression(slot, name);
        }
        throw new FormatException($"The plan has no column '{name}'.");
    }

    private Expression ReadWord()
    {
        var word = Take();
        if (word == "null")
            return new ConstantExpression(SqlValue.Null);
        if (word.StartsWith("each", StringComparison.Ordinal) && Next == '(')
            return ReadEach(Number(word.AsSpan(4)));
        if (word.StartsWith("table:", StringComparison.Ordinal))
            return new TableFactExpression(Enum.Parse<TableFact>(word.AsSpan(6)));
        if (word.StartsWith("request:", StringComparison.Ordinal))
            return ReadRequest(word);
        return new ConstantExpression(word.EndsWith('r')
            ? SqlValue.FromReal(double.Parse(word.AsSpan(0, word.Length - 1), NumberStyles.Float, CultureInfo.InvariantCulture))
            : SqlValue.FromInteger(long.Parse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)));
    }

    private EachExpression ReadEach(int index)
    {
        var start = ++_at;
        SkipBalanced();
        var call = _text[start.._at];
        Expect(").");
        return new EachExpression(index, call, Take() switch
        {
            "key" => true,
            "value" => false,
            _ => throw Unreadable(),
        });
    }

    // What the call is of only tells it from other calls. Parentheses count outside of quotes.
    private void SkipBalanced()
    {
        for (var open = 0; Next != ')' || open > 0; _at++)
        {
            if (_at >= _text.Length)
                throw Unreadable();
            open += Next == '(' ? 1 : Next == ')' ? -1 : 0;
            if (Next is '\'' or '"')
            {
                var closing = _text.IndexOf(Next, _at + 1);
                _at = closing < 0 ? _text.Length : closing;
            }
        }
    }

    private RequestExpression ReadRequest(string word)
    {
        var isNamed = word.EndsWith('.') && Next == '"';
        var emptyWhenMissing = word.EndsWith("{}", StringComparison.Ordinal);
        var part = word.AsSpan(8, word.Length - 8 - (isNamed ? 1 : emptyWhenMissing ? 2 : 0));
        return new RequestExpression(Enum.Parse<RequestPart>(part), isNamed ? ReadQuoted('"') : null) { EmptyWhenMissing = emptyWhenMissing };
    }

    private Expression ReadCall()
    {
        Expect("(");
        var head = Take();
        if (head is "case" or "case!")
            return ReadCase(head.EndsWith('!'));
        if (head.StartsWith("arrow", StringComparison.Ordinal))
            return ReadArrow(head);
        if (head is "initems" or "initems!")
        {
            var operand = Argument();
            Expect("(");
            return new InItemsExpression(operand, End(Arguments()), head.EndsWith('!'));
        }
        return Build(head, Arguments());
    }

    private Expression Build(string head, Expression[] parts)
    {
        if (head.StartsWith("call:", StringComparison.Ordinal))
            return new CallExpression(FunctionOf(head[5..]), parts);
        var isExact = head.EndsWith('!');
        var name = isExact ? head[..^1] : head;
        return (name, parts) switch
        {
            ("not", [var operand]) => new NotExpression(operand, isExact),
            ("and" or "or", [var left, var right]) => new LogicalExpression(name == "and", isExact, left, right),
            ("between", [var operand, var low, var high]) => new BetweenExpression(operand, low, high),
            ("coalesce", _) => new CoalesceExpression(parts),
            ("concat", [var left, var right]) => new ConcatExpression(left, right, isExact),
            ("in", [var operand, var list]) => new InJsonExpression(operand, list, isExact),
            ("inrows", [var operand, var list]) => new InRowsExpression(operand, new EachSource(list, IsMembership: false), isExact),
            ("astext" or "asnumber", [var operand]) => new AffinityExpression(operand, toText: name == "astext"),
            ("overlap", [var left, var right]) => new OverlapExpression(left, right),
            ("member", [RequestExpression document, var key]) => new RequestMemberExpression(document, key),
            ("truth", [var operand]) => new TruthExpression(operand),
            (_, [var operand]) when name.StartsWith("cast", StringComparison.Ordinal) =>
                new CastExpression(Enum.Parse<CastTarget>(name.AsSpan(4)), isExact, operand),
            (_, [var operand]) when name.StartsWith("isnot", StringComparison.Ordinal) =>
                new IsExpression(Enum.Parse<IsTest>(name.AsSpan(5)), negated: true, isExact, operand),
            (_, [var operand]) when name.StartsWith("is", StringComparison.Ordinal) =>
                new IsExpression(Enum.Parse<IsTest>(name.AsSpan(2)), negated: false, isExact, operand),
            (_, [var left, var right]) => Operator(Enum.Parse<BinaryOperator>(name), left, right, isExact),
            _ => throw Unreadable(),
        };
    }

    private Expression Operator(BinaryOperator operation, Expression left, Expression right, bool isExact) => operation switch
    {
        BinaryOperator.Equal or BinaryOperator.NotEqual or BinaryOperator.Less or BinaryOperator.Greater
            or BinaryOperator.LessOrEqual or BinaryOperator.GreaterOrEqual => new CompareExpression(operation, left, right, isExact),
        BinaryOperator.Add or BinaryOperator.Subtract or BinaryOperator.Multiply or BinaryOperator.Divide =>
            new ArithmeticExpression(operation, left, right, isExact),
        BinaryOperator.Modulo or BinaryOperator.BitAnd or BinaryOperator.BitOr or BinaryOperator.ShiftLeft or BinaryOperator.ShiftRight =>
            new BitwiseExpression(operation, left, right),
        _ => throw Unreadable(),
    };

    private ScalarFunction FunctionOf(string name)
    {
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        return FunctionCatalog.Find(colon < 0 ? name : name[..colon], _settings)
            ?? throw new FormatException($"The plan calls the unknown function '{name}'.");
    }

    private CaseExpression ReadCase(bool isExact)
    {
        Expression? operand = null;
        Expression? otherwise = null;
        var whens = new List<Expression>();
        var thens = new List<Expression>();
        SkipBlank();
        while (Next != ')')
        {
            var rest = _text.AsSpan(_at);
            if (rest.StartsWith("(when "))
            {
                _at += "(when".Length;
                whens.Add(Argument());
                thens.Add(Argument());
                Expect(")");
            }
            else if (rest.StartsWith("(else "))
            {
                _at += "(else".Length;
                otherwise = Argument();
                Expect(")");
            }
            else
            {
                operand = Read();
            }
        }
        Expect(")");
        return new CaseExpression(operand, [.. whens], [.. thens], otherwise, isExact);
    }

    private ArrowExpression ReadArrow(string head)
    {
        var operand = Argument();
        SkipBlank();
        var path = ReadQuoted('\'');
        var steps = new List<JsonStep>();
        for (SkipBlank(); Next != ')'; SkipBlank())
            steps.Add(ReadStep());
        Expect(")");
        var mode = head.TrimEnd('!');
        return new ArrowExpression(
            operand, path, [.. steps], asText: mode.StartsWith("arrow>>", StringComparison.Ordinal), nullIsText: mode.EndsWith('0'), isExact: head.EndsWith('!'));
    }

    private JsonStep ReadStep()
    {
        var parts = Take().Split(':');
        return parts is [var kind, var offset, ""]
            ? new JsonStep(
                Encoding.UTF8.GetBytes(ReadQuoted('\'')), Enum.Parse<JsonStepKind>(kind), long.Parse(offset, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw Unreadable();
    }

    private Expression[] Arguments()
    {
        var arguments = new List<Expression>();
        SkipBlank();
        while (Next != ')')
            arguments.Add(Argument());
        Expect(")");
        return [.. arguments];
    }

    private T End<T>(T value)
    {
        Expect(")");
        return value;
    }

    private Expression Argument()
    {
        SkipBlank();
        var argument = Read();
        SkipBlank();
        return argument;
    }

    private string Take()
    {
        SkipBlank();
        var length = _text.AsSpan(_at).IndexOfAny(" ()\"'");
        var word = _text.Substring(_at, length < 0 ? _text.Length - _at : length);
        _at += word.Length;
        return word;
    }

    private string ReadQuoted(char quote)
    {
        if (Next != quote)
            throw Unreadable();
        var content = new StringBuilder();
        for (_at++; _at < _text.Length; _at++)
        {
            if (_text[_at] == quote)
            {
                _at++;
                if (Next != quote)
                    return content.ToString();
            }
            content.Append(_text[_at]);
        }
        throw Unreadable();
    }

    private void SkipBlank()
    {
        while (Next == ' ')
            _at++;
    }

    private void Expect(string symbol)
    {
        if (!_text.AsSpan(_at).StartsWith(symbol))
            throw Unreadable();
        _at += symbol.Length;
    }

    private static int Number(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    private FormatException Unreadable() => new($"The plan has an unreadable expression at position {_at}.");
}

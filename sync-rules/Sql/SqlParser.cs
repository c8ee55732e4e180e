namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>Parses one query. Statements here, expressions in the other part.</summary>
internal sealed partial class SqlParser
{
    // Deeper nesting than any query needs; keeps recursion far from the end of the stack.
    private const int MaxDepth = 150;

    // A chain of operators is a tree as deep as the chain is long.
    private const int MaxOperators = 2000;

    // Five times the columns that a client table can have.
    private const int MaxTokens = 20_000;

    private static readonly string[] RefusedClauses =
        ["limit", "offset", "order", "group", "having", "for", "union", "intersect", "except", "fetch", "window"];

    // Reserved words that tables have as columns.
    private static readonly string[] NamesOfColumns =
        ["user", "order", "group", "default", "check", "desc", "asc", "end", "table", "primary", "references", "limit", "offset", "to", "some", "window"];

    private static readonly string[] RefusedJoins = ["left", "right", "full", "cross", "natural"];

    private readonly List<SqlToken> _tokens;
    private readonly Action<SqlProblem> _refuse;
    private readonly List<SqlName> _names = [];
    private int _at;
    private int _depth;
    private int _operators;

    private SqlParser(List<SqlToken> tokens, Action<SqlProblem> refuse) => (_tokens, _refuse) = (tokens, refuse);

    private SqlToken Next => _tokens[_at];

    /// <summary>Parses the text of one query.</summary>
    /// <param name="text">The query.</param>
    /// <param name="refuse">Receives mistakes that parsing can go on after; then the result is good for nothing but finding more of them.</param>
    /// <param name="names">Every name of a table, column or alias in it.</param>
    /// <exception cref="SqlProblem">A mistake that parsing cannot go on after.</exception>
    public static SelectSyntax ParseQuery(string text, Action<SqlProblem> refuse, out IReadOnlyList<SqlName> names)
    {
        var tokens = new SqlLexer(text, refuse).ReadAll();
        if (tokens.Count > MaxTokens)
            throw SqlProblem.Unsupported(tokens[MaxTokens].Span, $"The query has more than {MaxTokens} words and symbols.");
        var parser = new SqlParser(tokens, refuse);
        var select = parser.ParseStatement();
        while (parser.TakeSymbol(";"))
        {
        }
        if (parser.Next.Kind != SqlTokenKind.End)
        {
            throw parser._tokens[parser._at - 1].IsSymbol(";")
                ? SqlProblem.Unsupported(parser.Next.Span, "A query is one statement; write each query as its own entry.")
                : parser.Unexpected("the end of the query");
        }
        names = parser._names;
        return select;
    }

    private SelectSyntax ParseStatement()
    {
        if (Next.IsWord("select"))
            return ParseSelect();
        if (Next.Kind == SqlTokenKind.End)
            throw SqlProblem.Syntax(Next.Span, "The query is empty; expected SELECT.");
        if (Next.Kind == SqlTokenKind.Identifier
            && Next.Text is "insert" or "update" or "delete" or "with" or "create" or "drop" or "alter" or "truncate" or "values")
            throw SqlProblem.Unsupported(Next.Span, $"Only SELECT is possible here, not {Next.Text.ToUpperInvariant()}.");
        if (Next.IsSymbol("(") && _tokens[_at + 1].IsWord("select"))
            throw SqlProblem.Unsupported(Next.Span, "Write the SELECT without parentheses around it.");
        throw Unexpected("SELECT");
    }

    private SelectSyntax ParseSelect()
    {
        var start = Expect("select");
        TextSpan? distinct = Next.IsWord("distinct") ? Next.Span : null;
        if (distinct is not null)
            _at++;
        else if (Next.IsWord("all"))
            _at++;

        var items = ParseItems();
        var from = new List<FromItem>();
        SqlExpression? where = null;
        var joinCount = 0;
        if (TakeWord("from"))
            joinCount = ParseFrom(from, ref where);
        if (TakeWord("where"))
            where = Conjunction(where, ParseExpression());
        RefuseClauses();
        return new SelectSyntax(items, from, joinCount, where, distinct, start.To(_tokens[_at - 1].Span));
    }

    private List<SelectItem> ParseItems()
    {
        var items = new List<SelectItem>();
        if (EndsSelectList())
            return items;
        do
        {
            items.Add(ParseItem());
        }
        while (TakeSymbol(","));
        return items;
    }

    private bool EndsSelectList() =>
        Next.Kind == SqlTokenKind.End || Next.IsWord("from") || Next.IsWord("where") || Next.IsSymbol(";") || Next.IsSymbol(")")
        || AtRefusedClause();

    private SelectItem ParseItem()
    {
        var start = Next.Span;
        if (TakeSymbol("*"))
            return new SelectItem(null, null, null, start);
        if (Next.Kind is SqlTokenKind.Identifier or SqlTokenKind.QuotedIdentifier
            && _tokens[_at + 1].IsSymbol(".") && _tokens[_at + 2].IsSymbol("*"))
        {
            var qualifier = ParseName("a table name");
            _at += 2;
            return new SelectItem(null, qualifier, null, start.To(_tokens[_at - 1].Span));
        }
        var expression = ParseExpression();
        var alias = ParseAlias();
        return new SelectItem(expression, null, alias, start.To(_tokens[_at - 1].Span));
    }

    private SqlName? ParseAlias()
    {
        if (TakeWord("as"))
            return ParseName("a name after AS");
        return Next.Kind is SqlTokenKind.QuotedIdentifier || (Next.Kind == SqlTokenKind.Identifier && !Next.IsReserved)
            ? ParseName("a name")
            : null;
    }

    private int ParseFrom(List<FromItem> from, ref SqlExpression? where)
    {
        var joins = 0;
        from.Add(ParseFromItem());
        while (true)
        {
            if (TakeSymbol(","))
            {
                from.Add(ParseFromItem());
                continue;
            }
            var isRefused = RefuseJoin();
            if (Next.IsWord("inner"))
                _at++;
            else if (!isRefused && !Next.IsWord("join"))
                return joins;
            Expect("join");
            joins++;
            from.Add(ParseFromItem());
            if (RefuseUsing() || (isRefused && !Next.IsWord("on")))
                continue;
            Expect("on");
            where = Conjunction(where, ParseExpression());
        }
    }

    private bool RefuseJoin()
    {
        var first = Next;
        if (first.Kind != SqlTokenKind.Identifier || !RefusedJoins.Contains(first.Text))
            return false;
        _refuse(SqlProblem.Unsupported(first.Span, $"{first.Text.ToUpperInvariant()} JOIN is not possible; only JOIN … ON is."));
        while (Next.Kind == SqlTokenKind.Identifier && (RefusedJoins.Contains(Next.Text) || Next.Text == "outer"))
            _at++;
        return true;
    }

    private bool RefuseUsing()
    {
        if (!Next.IsWord("using"))
            return false;
        _refuse(SqlProblem.Unsupported(Next.Span, "USING is not possible; write ON with an equality."));
        _at++;
        ExpectSymbol("(");
        do
        {
            ParseName("a column name");
        }
        while (TakeSymbol(","));
        ExpectSymbol(")");
        return true;
    }

    private FromItem ParseFromItem()
    {
        var start = Next.Span;
        if (Next.IsWord("lateral"))
            throw SqlProblem.Unsupported(Next.Span, "LATERAL is not possible.");
        if (TakeSymbol("("))
            return ParseDerivedTable(start);
        var first = ParseName("a table name");
        if (Next.IsSymbol("("))
        {
            var call = ParseCall(null, first);
            return new TableCallSyntax(call, ParseAlias(), start.To(_tokens[_at - 1].Span));
        }
        SqlName? schema = null;
        if (TakeSymbol("."))
        {
            schema = first;
            first = ParseName("a table name", afterQualifier: true);
            if (Next.IsSymbol("."))
                throw SqlProblem.Syntax(Next.Span, "A table has at most a schema and a name; a connection is written \"tag.schema\".\"table\".");
            if (Next.IsSymbol("("))
            {
                var call = ParseCall(schema, first);
                return new TableCallSyntax(call, ParseAlias(), start.To(_tokens[_at - 1].Span));
            }
        }
        return new TableSyntax(schema, first, ParseAlias(), start.To(_tokens[_at - 1].Span));
    }

    private DerivedTableSyntax ParseDerivedTable(TextSpan start)
    {
        if (!Next.IsWord("select"))
            throw SqlProblem.Unsupported(start, "Only a SELECT can stand in parentheses here.");
        Enter();
        var select = ParseSelect();
        _depth--;
        ExpectSymbol(")");
        var alias = ParseAlias();
        var names = new List<SqlName>();
        if (alias is not null && TakeSymbol("("))
        {
            do
            {
                names.Add(ParseName("a column name"));
            }
            while (TakeSymbol(","));
            ExpectSymbol(")");
        }
        return new DerivedTableSyntax(select, alias, names, start.To(_tokens[_at - 1].Span));
    }

    private void RefuseClauses()
    {
        if (!AtRefusedClause())
            return;
        var refused = new HashSet<string>();
        for (var depth = 0; Next.Kind != SqlTokenKind.End && !Next.IsSymbol(";") && (depth > 0 || !Next.IsSymbol(")")); _at++)
        {
            depth += Next.IsSymbol("(") ? 1 : Next.IsSymbol(")") ? -1 : 0;
            if (depth > 0 || !AtRefusedClause() || !refused.Add(Next.Text))
                continue;
            var words = Next.Text is "order" or "group" ? $"{Next.Text} by" : Next.Text;
            _refuse(SqlProblem.Unsupported(
                Next.Span, $"{words.ToUpperInvariant()} is not possible: whether a row belongs to a bucket depends on that row alone."));
        }
    }

    private bool AtRefusedClause() => Next.Kind == SqlTokenKind.Identifier && RefusedClauses.Contains(Next.Text);

    private SqlExpression Conjunction(SqlExpression? left, SqlExpression right)
    {
        CountOperator();
        return left is null
            ? right
            : new BinarySyntax(BinaryOperator.And, left, right, new TextSpan(left.Span.End, right.Span.Start), left.Span.To(right.Span));
    }

    private SqlName ParseName(string what, bool afterQualifier = false)
    {
        var token = Next;
        if (token.Kind is not (SqlTokenKind.Identifier or SqlTokenKind.QuotedIdentifier))
            throw Unexpected(what);
        if (token.IsReserved && !afterQualifier)
            throw SqlProblem.Syntax(token.Span, $"'{token.Text}' is a reserved word; to use it as a name write \"{token.Text}\".");
        _at++;
        var name = new SqlName(token.Text, token.Span, token.WasFolded, token.Kind == SqlTokenKind.QuotedIdentifier);
        _names.Add(name);
        return name;
    }

    private bool TakeWord(string word)
    {
        if (!Next.IsWord(word))
            return false;
        _at++;
        return true;
    }

    private bool TakeSymbol(string symbol)
    {
        if (!Next.IsSymbol(symbol))
            return false;
        _at++;
        return true;
    }

    private TextSpan Expect(string word)
    {
        var span = Next.Span;
        if (!TakeWord(word))
            throw Unexpected(word.ToUpperInvariant());
        return span;
    }

    private void ExpectSymbol(string symbol)
    {
        if (!TakeSymbol(symbol))
            throw Unexpected($"'{symbol}'");
    }

    private void CountOperator()
    {
        if (++_operators > MaxOperators)
            throw SqlProblem.Unsupported(Next.Span, $"The query has more than {MaxOperators} operators.");
    }

    private void Enter()
    {
        if (++_depth > MaxDepth)
            throw SqlProblem.Unsupported(Next.Span, $"The query nests more than {MaxDepth} levels.");
    }

    private SqlProblem Unexpected(string expected)
    {
        var found = Next.Kind switch
        {
            SqlTokenKind.End => "the end of the query",
            SqlTokenKind.Text => "a string",
            _ => $"'{Next.Text}'",
        };
        var hint = Next.IsReserved && NamesOfColumns.Contains(Next.Text)
            ? $" '{Next.Text}' is a reserved word; to use it as a name write \"{Next.Text}\"."
            : _at > 0 && _tokens[_at - 1].IsSymbol(",") ? " There is a comma too many." : "";
        return SqlProblem.Syntax(Next.Span, $"Expected {expected}, found {found}.{hint}");
    }
}

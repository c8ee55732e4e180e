namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>Which logic the rules follow. SQLite's own is three-valued.</summary>
internal enum Logic
{
    /// <summary>NOT null is true; a != b is null for a null.</summary>
    Editions1And2,

    /// <summary>NOT null is true; a != b is NOT (a = b).</summary>
    Edition3,

    /// <summary>The engine that follows SQLite.</summary>
    Exact,
}

/// <summary>Random expressions over one row or over the request.</summary>
/// <remarks>
/// Columns hold text (<c>id a b</c>), integers (<c>n m</c>), a JSON array of text (<c>j</c>) and a JSON object (<c>o</c>). SQLite's columns have no type, so
/// that it compares by class of value as the rules do.
/// </remarks>
internal sealed class ExpressionGenerator(Random random, Logic logic)
{
    public static readonly string[] Texts = ["p", "q", "r"];

    private bool HasEdition3 => logic != Logic.Editions1And2;

    /// <summary>A text or null.</summary>
    public Written Text(string table, int depth) => random.Next(depth > 0 ? 9 : 3) switch
    {
        0 => Literal(),
        1 or 2 => $"{table}.{Any("a", "b")}",
        3 => Written.Of("({0} || {1})", Text(table, depth - 1), random.Next(3) == 0 ? Number(table, depth - 1) : Text(table, depth - 1)),
        4 => Written.Of("upper({0})", Text(table, depth - 1)),
        5 => Written.Of("substring({0}, 1, 1)", "substr({0}, 1, 1)", Text(table, depth - 1)),
        6 => Written.Of("ifnull({0}, {1})", Text(table, depth - 1), Text(table, depth - 1)),
        7 => new Written($"({table}.o ->> 'k')", $"json_extract({table}.o, '$.k')"),
        _ when HasEdition3 => Written.Of("CASE WHEN {0} THEN {1} ELSE {2} END", Condition(table, depth - 1), Text(table, depth - 1), Text(table, depth - 1)),
        _ => Written.Of("CAST({0} AS TEXT)", "(CAST({0} AS TEXT) || '')", Number(table, depth - 1)), // no affinity
    };

    /// <summary>An integer or null.</summary>
    public Written Number(string table, int depth) => random.Next(depth > 0 ? 6 : 3) switch
    {
        0 => $"{random.Next(4)}",
        1 or 2 => $"{table}.{Any("n", "m")}",
        3 => Written.Of("({0} " + Any("+", "-", "*", "/") + " {1})", Number(table, depth - 1), Number(table, depth - 1)),
        4 => Written.Of("length({0})", Text(table, depth - 1)),
        _ => Written.Of("ifnull({0}, {1})", Number(table, depth - 1), Number(table, depth - 1)),
    };

    /// <summary>A condition over a row: 1, 0 or null.</summary>
    public Written Condition(string table, int depth)
    {
        switch (random.Next(depth > 0 ? 10 : 5))
        {
            case 0:
                return Compare(Text(table, depth), Text(table, depth));
            case 1:
                return Compare(Number(table, depth), Number(table, depth));
            case 2:
                return Compare(Text(table, depth), Number(table, depth));
            case 3:
                return Written.Of(random.Next(2) == 0 ? "({0} IS NULL)" : "({0} IS NOT NULL)", Text(table, depth));
            case 4 when logic != Logic.Exact: // it is no SQL, so SQLite does not say what a missing list means
                return Written.Of("({0} IN {1}.j)", "({0} IN (SELECT value FROM json_each({1}.j)))", Literal(), table);
            case 5 when HasEdition3:
                var items = Written.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Text(table, 0)));
                var isIn = Written.Of("{0} IN ARRAY[{1}]", "{0} IN ({1})", Text(table, depth - 1), items);
                return random.Next(2) == 0 ? Written.Of("({0})", isIn) : Not(isIn);
            case 6 when HasEdition3:
                var between = Written.Of("{0} BETWEEN {1} AND {2}", Number(table, depth - 1), Number(table, depth - 1), Number(table, depth - 1));
                return random.Next(2) == 0 ? Written.Of("({0})", between) : Not(between);
            case 7:
                return Not(Condition(table, depth - 1));
            default:
                return depth == 0 ? Compare(Text(table, 0), Literal()) : Both(Any("AND", "OR"), Condition(table, depth - 1), Condition(table, depth - 1));
        }
    }

    /// <summary>A text of the request, or null.</summary>
    /// <param name="functions">Names of the functions that give the token's subject and a member of the token.</param>
    public Written RequestText((string User, string Token) functions) => random.Next(3) switch
    {
        0 => new Written(functions.User, "$sub"),
        _ => new Written(string.Format(System.Globalization.CultureInfo.InvariantCulture, functions.Token, "org"), "$org"),
    };

    /// <summary>A condition over the request.</summary>
    public Written RequestCondition((string User, string Token) functions)
    {
        var list = string.Format(System.Globalization.CultureInfo.InvariantCulture, functions.Token, "list");
        return random.Next(4) switch
        {
            0 => Written.Of("({0} IS NOT NULL)", RequestText(functions)),
            1 => Written.Of("({0} IN {1})", "({0} IN (SELECT value FROM json_each($list)))", Literal(), new Written(list, "")),
            _ => Compare(RequestText(functions), Literal()),
        };
    }

    public Written Both(string connective, Written left, Written right) => logic == Logic.Exact
        ? Written.Of($"({{0}} {connective} {{1}})", left, right)
        : Written.Of($"({{0}} {connective} {{1}})", $"(ifnull({{0}}, 0) {connective} ifnull({{1}}, 0))", left, right);

    public Written Literal() => $"'{Any(Texts)}'";

    private Written Not(Written condition) => Written.Of("(NOT ({0}))", logic == Logic.Exact ? "(NOT ({0}))" : "(NOT ifnull({0}, 0))", condition);

    private Written Compare(Written left, Written right)
    {
        var comparison = Any("=", "!=", "<", ">", "<=", ">=");
        return comparison == "!=" && logic == Logic.Edition3
            ? Written.Of("({0} != {1})", "(NOT ifnull({0} = {1}, 0))", left, right)
            : Written.Of($"({{0}} {comparison} {{1}})", left, right);
    }

    private T Any<T>(params T[] choices) => choices[random.Next(choices.Length)];
}

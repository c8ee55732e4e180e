using System.Globalization;
using System.Text;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Random scalar expressions over the columns c0 to c7 and j, in the spelling of the rules and in SQLite's own.</summary>
/// <remarks>Everything is in parentheses: precedence is not SQLite's, and has tests of its own.</remarks>
internal sealed class SqliteExpressions(Random random)
{
    public const int Columns = 8;

    public static readonly string[] Texts =
        ["", "abc", "ABC", "12", "12abc", " 7 ", "0.5", "1e3", "-3.0", "+4", ".5", "5.", "x", "é😀b", "it's", "Ü", "%b_", "[1]", "9223372036854775808", "\uFFFD"];

    public static readonly long[] Integers = [0, 1, -1, 2, 3, 7, 10, 64, -64, 255, 1000, long.MaxValue, long.MinValue, 9007199254740993];

    public static readonly double[] Reals = [0.0, 0.5, -0.5, 1.0, 2.5, -2.5, 3.999, 1e15, 1e-7, 123456.789, 1e300, -1e300, 0.1, 1e21, 9007199254740992.0];

    public static readonly string[] Documents =
    [
        """{"a":1,"b":[1,2.5,"x",null,true],"c":{"d":"e"},"n":null}""", """[1, 2.50, "three", [4], {"k": 5}]""", "\"text\"", "7", "1.50", "null", "true", "{}", "[]",
        """{"a":1,"a":2,"big":18446744073709551616,"e":1E2}""",
    ];

    private static readonly string[] Paths = ["$", "$.a", "$.b", "$.b[1]", "$.b[#-1]", "$.c.d", "$[0]", "$[3][0]", "$[4].k", "$.n", "$.gone.x", "$[9]", "$.e", "$.big"];

    /// <param name="depth">Levels of operators at most.</param>
    public (string Rules, string Sqlite) Next(int depth)
    {
        if (depth == 0 || random.Next(6) == 0)
            return Leaf();
        return random.Next(16) switch
        {
            0 or 1 => Binary(depth, "=", "!=", "<", ">", "<=", ">="),
            2 => Binary(depth, "+", "-", "*", "/"),
            3 => Binary(depth, "%", "&", "|", "<<", ">>"),
            4 => Binary(depth, "||"),
            5 => Binary(depth, "AND", "OR"),
            6 => Wrap(depth, "(NOT {0})"),
            7 => Wrap(depth, "({0} IS NULL)", "({0} IS NOT NULL)", "({0} IS TRUE)", "({0} IS NOT FALSE)"),
            8 => Wrap(depth, "CAST({0} AS TEXT)", "CAST({0} AS INTEGER)", "CAST({0} AS REAL)", "CAST({0} AS NUMERIC)", "CAST({0} AS BLOB)"),
            9 => Three(depth, "({0} BETWEEN {1} AND {2})", "({0} NOT BETWEEN {1} AND {2})", "(CASE {0} WHEN {1} THEN {2} ELSE 'other' END)", "(CASE WHEN {0} THEN {1} WHEN {2} THEN 3 END)"),
            10 => In(depth),
            11 => Json(),
            12 => Function(depth),
            13 => Library(depth),
            _ => JsonEdit(),
        };
    }

    private (string, string) Leaf()
    {
        string Same(string text) => text;
        var literal = random.Next(10) switch
        {
            0 => "NULL",
            1 => Integers[random.Next(Integers.Length - 3)].ToString(CultureInfo.InvariantCulture),
            2 => Reals[random.Next(6)].ToString("0.0###", CultureInfo.InvariantCulture),
            3 => "'" + Texts[random.Next(Texts.Length)].Replace("'", "''", StringComparison.Ordinal) + "'",
            _ => "c" + random.Next(Columns).ToString(CultureInfo.InvariantCulture),
        };
        return (Same(literal), Same(literal));
    }

    private (string, string) Binary(int depth, params string[] operators) => Format($"({{0}} {operators[random.Next(operators.Length)]} {{1}})", Next(depth - 1), Next(depth - 1));

    private (string, string) Wrap(int depth, params string[] forms) => Format(forms[random.Next(forms.Length)], Next(depth - 1));

    private (string, string) Three(int depth, params string[] forms) =>
        Format(forms[random.Next(forms.Length)], Next(depth - 1), Next(depth - 1), Next(depth - 1));

    private (string, string) In(int depth)
    {
        var operand = Next(depth - 1);
        var items = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Next(depth - 1)).ToList();
        var not = random.Next(2) == 0 ? "NOT IN" : "IN";
        return ($"({operand.Rules} {not} ARRAY[{string.Join(", ", items.Select(item => item.Rules))}])",
            $"({operand.Sqlite} {not} ({string.Join(", ", items.Select(item => item.Sqlite))}))");
    }

    private (string, string) Json()
    {
        var path = Paths[random.Next(Paths.Length)];
        return random.Next(4) switch
        {
            0 => ($"(j ->> '{path}')", $"json_extract(j, '{path}')"),
            1 => ($"json_array_length(j, '{path}')", $"json_array_length(j, '{path}')"),
            2 => ($"json_type(j, '{path}')", $"json_type(j, '{path}')"),
            _ => ($"json_extract(j, '{path}')", $"json_extract(j, '{path}')"),
        };
    }

    private static readonly string[] EditPaths =
    [
        "$.a", "$.b[1]", "$.b[#]", "$.b[#-1]", "$.b[#-9]", "$.b[5]", "$.c.d", "$.c.new", "$.n", "$.x.y[0].z", "$.x[1]", "$[0]", "$[2]", "$[5]", "$[#]", "$[#-2]",
        "$[3][0]", "$[3][1].k", "$[4].k", "$[4].\"l m\"", "$.a.b", "$.e",
    ];

    private static readonly string[] Patches =
        ["{}", """{"a": null, "z": {"y": null, "x": [null, {"k": null}]}}""", """{"c": {"d": null, "e": 1}}""", """{"b": {"q": 1.50}, "n": "x"}""", "[1, null]", "7", "null"];

    // One change, or several of plain values: SQLite 3.35 does not look into what an earlier change put in. A root that is replaced, and a null path, are newer too.
    private (string, string) JsonEdit()
    {
        string Of(string[] texts) => texts[random.Next(texts.Length)];
        string Plain() => Of(["1", "2.5", "'x\"y'", "NULL", "typeof(c1)", "hex(c3)", "length(c2)", "'[1]'"]);
        string Made() => Of(["json_array(1, 'a')", "json_object('k', NULL)", "json('[1, {\"k\": null}]')", $"json_extract(j, '{Of(Paths)}')", "j"]);
        var edit = Of(["json_set", "json_insert", "json_replace"]);
        var text = random.Next(7) switch
        {
            0 or 1 => $"{edit}(j, '{Of(EditPaths)}', {Made()})",
            2 => $"{edit}(j, '{Of(EditPaths)}', {Plain()}, '$.other', {Plain()}, '$[9]', {Plain()})",
            3 => $"json_remove(j, '{Of(EditPaths)}')",
            4 => random.Next(2) == 0 ? $"json_patch(j, '{Of(Patches)}')" : $"json_patch('{Of(Patches)}', json_extract(j, '$.c'))",
            5 => $"json_extract(j, '{Of(Paths)}', '{Of(Paths)}')",
            _ => Of(["hex(zeroblob(3))", "typeof(zeroblob(-1))", "hex(zeroblob(c1 % 9))", "likely(c1)", "unlikely(c2)", "likelihood(c3, 0.5)", "json_remove(j)", "json_set(j)", "json_remove(j, '$')"]),
        };
        return (text, text);
    }

    private (string, string) Function(int depth) => random.Next(10) switch
    {
        0 => Wrap(depth, "length({0})", "typeof({0})", "hex({0})"),
        1 => Wrap(depth, "upper({0})", "lower({0})"),
        2 => Format("substring({0}, {1})", Next(depth - 1), Small()),
        3 or 4 => Format("substring({0}, {1}, {2})", Next(depth - 1), Small(), Small()),
        5 => Format("instr({0}, {1})", Next(depth - 1), Next(depth - 1)),
        6 => Format("ifnull({0}, {1})", Next(depth - 1), Next(depth - 1)),
        _ => Three(depth, "iif({0}, {1}, {2})"),
    };

    private static readonly string[] Times =
    [
        "2023-01-02", "2024-02-29 23:59:59", "2023-12-31T12:34", "1969-12-31 23:59:59.750", "2023-06-15T01:02:03+02:30", "2000-01-01 00:00Z", "12:34:56",
        "0100-01-01", "9999-12-31 23:59:59", "2451545.25", "2023-13-01", "x", "",
    ];

    private static readonly string[] Modifiers =
    [
        "+1 day", "-1 month", "+13 months", "+1.5 days", "-90 minutes", "+0.25 hours", "+1 year", "-3 years", "start of month", "start of year", "start of day",
        "weekday 0", "weekday 3", "weekday 7", "+02:30", "-00:15:30.5", "10 seconds", "+1 DAY", "unixepoch", "nonsense", "+1 fortnight", "start of week",
    ];

    private (string, string) Date()
    {
        var time = random.Next(4) == 0
            ? (random.Next(-2_000_000, 2_000_000) / 8.0 + 2_451_545).ToString("0.0##", CultureInfo.InvariantCulture)
            : $"'{Times[random.Next(Times.Length)]}'";
        var modifiers = string.Concat(Enumerable.Range(0, random.Next(3)).Select(_ => $", '{Modifiers[random.Next(Modifiers.Length)]}'"));
        string[] functions = ["date(", "time(", "datetime(", "julianday(", "strftime('%Y|%m|%d|%H|%M|%S|%f|%j|%w|%W|%s|%%', "];
        var text = $"{functions[random.Next(functions.Length)]}{time}{modifiers})";
        return (text, text);
    }

    private (string, string) Library(int depth) => random.Next(13) switch
    {
        0 => Three(depth, "coalesce({0}, {1}, {2})"),
        1 => Format("nullif({0}, {1})", Next(depth - 1), Next(depth - 1)),
        2 => Wrap(depth, "trim({0})", "ltrim({0})", "rtrim({0})", "unicode({0})", "(quote({0}) || '')", "sign({0})"),
        3 => Format("trim({0}, {1})", Next(depth - 1), Next(depth - 1)),
        4 => Three(depth, "replace({0}, {1}, {2})"),
        5 => Wrap(depth, "round({0})", "round({0}, 2)"),
        6 => Three(depth, "min({0}, {1}, {2})", "max({0}, {1}, {2})"),
        7 => Format(random.Next(2) == 0 ? "({0} LIKE {1})" : "({0} NOT LIKE {1})", Next(depth - 1), Pattern("%b%", "_", "a%c", "%", "abc", "%é_b", "12%")),
        8 => Format("glob({1}, {0})", Next(depth - 1), Pattern("*b*", "?", "[a-c]*", "*", "abc", "[^a]*", "*[0-9]")),
        12 => Date(),
        9 => Format("char({0}, {1})", ("65", "65"), ("233", "233")),
        10 => Format("substr({0}, {1}, {2})", Next(depth - 1), Small(), Small()),
        _ => Format("printf('%d|%s|%5.2f|%x|%-6s|%06d|%,d|%Q', {0}, {1}, {2}, 255, {1}, {0}, {0}, {1})", Small(), Short(), Modest()),
    };

    private (string, string) Small()
    {
        var number = random.Next(-6, 7).ToString(CultureInfo.InvariantCulture);
        return (number, number);
    }

    private (string, string) Modest()
    {
        var number = (random.Next(-9999, 9999) / 8.0).ToString("0.0##", CultureInfo.InvariantCulture);
        return (number, number);
    }

    private (string, string) Short() => Pattern("a", "it''s", "xyz", "");

    private (string, string) Pattern(params string[] patterns)
    {
        var text = $"'{patterns[random.Next(patterns.Length)]}'";
        return (text, text);
    }

    private static (string, string) Format(string form, params (string Rules, string Sqlite)[] parts) =>
        (string.Format(CultureInfo.InvariantCulture, form, [.. parts.Select(part => part.Rules)]),
            string.Format(CultureInfo.InvariantCulture, form, [.. parts.Select(part => part.Sqlite)]));

    /// <summary>A random value of any type: null, long, double, string or byte[].</summary>
    public object? Value() => random.Next(9) switch
    {
        0 => null,
        1 or 2 => Integers[random.Next(Integers.Length)],
        3 or 4 => Reals[random.Next(Reals.Length)],
        5 => Encoding.UTF8.GetBytes(Texts[random.Next(8)]),
        _ => Texts[random.Next(Texts.Length)],
    };
}

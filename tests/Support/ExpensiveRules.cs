using System.Globalization;

namespace TopGun.Buckets.Tests.Support;

/// <summary>Rules files that ask for as much work as possible.</summary>
public static class ExpensiveRules
{
    private const int Length = 256 << 10;

    private static readonly Dictionary<string, Func<string>> Files = new()
    {
        ["a list of texts"] = () => Filled("", "- a\n"),
        ["a flow list"] = () => Filled("[", "a,"),
        ["nested lists"] = () => Filled("", "["),
        ["nested lists in a query's place"] = () => Filled("bucket_definitions:\n  b:\n    data: ", "["),
        ["nested maps"] = () => Filled("", "{a: "),
        ["nested keys"] = () => Filled("", "? "),
        ["nested dashes"] = () => Filled("", "- "),
        ["unknown keys"] = () => Filled("", number => $"k{number}: v\n"),
        ["unknown keys of a definition"] = () => Filled("bucket_definitions:\n  b:\n", number => $"    dataa{number}: v\n"),
        ["the same key"] = () => Filled("", "config: x\n"),
        ["a comment"] = () => Filled("", "# x "),
        ["comments"] = () => Filled("", "#\n"),
        ["a quoted text"] = () => Filled("a: \"", "\\n"),
        ["a block"] = () => Filled("a: |\n", "  x\n"),
        ["a folded block"] = () => Filled("a: >\n", "  x\n\n"),
        ["tags and anchors"] = () => Filled("", number => $"- &a{number} !t x\n"),
        ["aliases"] = () => Filled("- &a x\n", "- *a\n"),
        ["blanks"] = () => Filled("a:", " "),
        ["tabs"] = () => Filled("a:", "\t"),
        ["line ends"] = () => Filled("", "\r"),
        ["definitions"] = () => Filled("bucket_definitions:\n", number => $"  b{number}:\n    data: [SELECT * FROM t]\n"),
        ["definitions with parameters"] = () => Filled(
            "bucket_definitions:\n",
            number => $"  b{number}:\n    parameters: SELECT id AS p FROM u WHERE owner = request.user_id()\n    data: [SELECT * FROM t WHERE p = bucket.p]\n"),
        ["wrong queries"] = () => Filled("bucket_definitions:\n  b:\n    data:\n", "      - SELECT\n"),
        ["wrong names"] = () => Filled("bucket_definitions:\n  b:\n    data:\n", "      - SELECT id FROM t WHERE uper(x)\n"),
        ["streams"] = () => Filled("config: {edition: 3}\nstreams:\n", number => $"  s{number}:\n    query: SELECT * FROM t WHERE a = auth.user_id()\n"),
        ["streams with alternatives"] = () => Filled("config: {edition: 3}\nstreams:\n", number => $"  s{number}:\n    query: SELECT * FROM t WHERE {Pairs(6)}\n"),
        ["streams with subqueries"] = () => Filled(
            "config: {edition: 3}\nwith:\n  c: SELECT x FROM u, v WHERE u.a = v.a AND v.b = auth.user_id()\nstreams:\n",
            number => $"  s{number}:\n    query: SELECT * FROM t WHERE a IN c AND b IN c AND d IN c\n"),
        ["too many alternatives"] = () => Stream($"SELECT * FROM t WHERE {Pairs(40)}"),
        ["alternatives in alternatives"] = () => Stream($"SELECT * FROM t WHERE NOT ({string.Join(" OR ", Enumerable.Range(0, 40).Select(n => $"(a{n} = auth.user_id() AND b{n} = 1)"))})"),
        ["negated equalities"] = () => Stream($"SELECT * FROM t WHERE {string.Join(" AND ", Enumerable.Range(0, 900).Select(n => $"a{n} != {n}"))}"),
        ["a long OR"] = () => Stream($"SELECT * FROM t WHERE {string.Join(" OR ", Enumerable.Range(0, 1900).Select(n => $"a{n}"))}"),
        ["a long OR of requests"] = () => Stream($"SELECT * FROM t WHERE {string.Join(" OR ", Enumerable.Range(0, 900).Select(n => $"a{n} = auth.user_id()"))}"),
        ["a long AND"] = () => Stream($"SELECT * FROM t WHERE {string.Join(" AND ", Enumerable.Range(0, 900).Select(n => $"a{n} = auth.parameter('p{n}')"))}"),
        ["many tables"] = () => Stream($"SELECT t0.* FROM {string.Join(", ", Enumerable.Range(0, 900).Select(n => $"t{n}"))} WHERE {string.Join(" AND ", Enumerable.Range(1, 899).Select(n => $"t{n}.a = t{n - 1}.b"))}"),
        ["many subqueries"] = () => Stream($"SELECT * FROM t WHERE {string.Join(" AND ", Enumerable.Range(0, 600).Select(n => $"a{n} IN (SELECT b FROM u WHERE c = auth.user_id())"))}"),
        ["nested subqueries"] = () => Stream($"SELECT * FROM t WHERE {string.Concat(Enumerable.Repeat("a IN (SELECT b FROM u WHERE ", 70))}c = auth.user_id(){new string(')', 70)}"),
        ["many columns"] = () => Stream($"SELECT {string.Join(", ", Enumerable.Range(0, 6000).Select(n => $"c{n}"))} FROM t"),
        ["many casts"] = () => Stream($"SELECT id{string.Concat(Enumerable.Repeat("::text", 1990))} AS id FROM t"),
        ["a long sum"] = () => Stream($"SELECT id{string.Concat(Enumerable.Repeat(" || id", 1990))} AS id FROM t"),
        ["a long CASE"] = () => Stream($"SELECT CASE{string.Concat(Enumerable.Repeat(" WHEN a THEN b", 3000))} END AS id FROM t"),
        ["parentheses"] = () => Stream($"SELECT * FROM t WHERE {new string('(', 100_000)}"),
        ["an open comment in each word"] = () => Stream($"SELECT {string.Concat(Enumerable.Repeat("/* x */ ", 50_000))}"),
        ["repeated OR in a definition"] = () =>
            $"bucket_definitions:\n  b:\n    parameters: SELECT request.user_id() AS p\n    data:\n      - SELECT id FROM t WHERE {string.Join(" AND ", Enumerable.Range(0, 300).Select(n => $"(a{n} = bucket.p OR b{n} = bucket.p)"))}\n",
        ["repeated OR in parameters"] = () =>
            $"bucket_definitions:\n  b:\n    parameters: SELECT id AS p FROM t WHERE {string.Join(" AND ", Enumerable.Range(0, 300).Select(n => $"(a{n} = request.user_id() OR b{n} = request.user_id())"))}\n    data: []\n",
    };

    /// <summary>What the files consist of.</summary>
    public static IReadOnlyCollection<string> Names => Files.Keys;

    /// <summary>A file by its name.</summary>
    public static string Make(string name) => Files[name]();

    private static string Pairs(int count) =>
        string.Join(" AND ", Enumerable.Range(0, count).Select(n => $"(a{n} = auth.parameter('p{n}') OR b{n} = auth.parameter('q{n}'))"));

    private static string Stream(string query) => $"config: {{edition: 3}}\nstreams:\n  s:\n    query: \"{query}\"\n";

    private static string Filled(string start, string part) => Filled(start, _ => part);

    private static string Filled(string start, Func<string, string> part)
    {
        var text = new System.Text.StringBuilder(start);
        for (var number = 0; ; number++)
        {
            var next = part(number.ToString(CultureInfo.InvariantCulture));
            if (text.Length + next.Length > Length)
                return text.ToString();
            text.Append(next);
        }
    }
}

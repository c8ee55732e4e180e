using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Evaluates single expressions over one row of every type, in any edition.</summary>
internal static class Evaluated
{
    public const string Failed = "fails";
    public const string LeftOut = "left out";

    private static readonly (string Name, uint Type, string? Value)[] Row =
    [
        ("id", 25, "1"),
        ("z", 25, null),
        ("t", 25, "Text"),
        ("e", 25, ""),
        ("n", 20, "7"),
        ("big", 20, "9223372036854775807"),
        ("small", 20, "-9223372036854775808"),
        ("r", 701, "2.5"),
        ("w", 701, "2"),
        ("yes", 16, "t"),
        ("no", 16, "f"),
        ("b", 17, "\\x616263"),
        ("junk", 17, "\\xff"),
        ("nan", 701, "NaN"),
        ("inf", 701, "Infinity"),
        ("j", 3802, """{"a":1,"b":2.0,"s":"x","n":null,"t":true,"o":{"k":"v","n":null},"arr":[10,"x",[1.50]],"a.b":"flat","0":"zero","big":9007199254740993}"""),
        ("arr", 3802, """[1, 2.0, "x", null, true, {"k":[1]}]"""),
        ("smile", 25, "a😀b"),
    ];

    public static string Config(int edition, string switches = "") =>
        $"config: {{edition: {edition}{(switches.Length > 0 ? ", " : "")}{switches}}}\n";

    /// <summary>The wire text of the expression's value, or that it fails or is left out.</summary>
    public static string Of(int edition, string expression, string switches = "")
    {
        var rules = new RuleSetHarness(File(edition, $"SELECT id, {expression} AS c FROM t", switches));
        var lines = rules.Put(RuleSetHarness.Table("t", [.. Row.Select(column => (column.Name, column.Type))]), RuleSetHarness.Row([.. Row.Select(column => column.Value)]));
        const string Before = "row t 1 {\"id\":\"1\"";
        if (lines[0].StartsWith("error", StringComparison.Ordinal))
            return Failed;
        var rest = lines[0][Before.Length..^1];
        return rest.Length == 0 ? LeftOut : rest[",\"c\":".Length..];
    }

    /// <summary>Whether the row passes the condition.</summary>
    public static bool Passes(int edition, string condition, string switches = "")
    {
        var rules = new RuleSetHarness(File(edition, $"SELECT id FROM t WHERE {condition}", switches));
        var lines = rules.Put(RuleSetHarness.Table("t", [.. Row.Select(column => (column.Name, column.Type))]), RuleSetHarness.Row([.. Row.Select(column => column.Value)]));
        return lines.Count > 0;
    }

    /// <summary>Class of the error that refuses a query, or null when it is accepted.</summary>
    public static string? Refusal(int edition, string query, string switches = "") =>
        RuleSet.Parse(File(edition, query, switches), new RuleSetOptions()).Findings.FirstOrDefault(finding => finding.Severity == RuleSeverity.Error)?.Class;

    /// <summary>Two expressions that compile to the same plan have the same fingerprint.</summary>
    public static string Meaning(int edition, string expression)
    {
        var rules = new RuleSetHarness(File(edition, $"SELECT id, {expression} AS c FROM t", "")).Rules;
        return rules.Definitions[0].Fingerprint;
    }

    public static string File(int edition, string query, string switches)
    {
        var scalar = "\"" + query.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + "\"";
        return Config(edition, switches) + (edition == 3
            ? $"streams:\n  s:\n    auto_subscribe: true\n    query: {scalar}\n"
            : $"bucket_definitions:\n  s:\n    data: [{scalar}]\n");
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>The exact engine against SQLite itself: the same random expressions over the same random rows.</summary>
public sealed class SqliteDifferentialTests
{
    private const string Exact = "unstable_sqlite_expression_engine: true, sqlite_functions: true";
    private const int Expressions = 3000;
    private const int RowsEach = 4;
    private const int Shown = 12;
    private const string Failed = "fails";

    [Theory]
    [InlineData(1)]
    [InlineData(20240501)]
    public void The_exact_engine_computes_what_SQLite_computes(int firstSeed) => AssertSame(
        firstSeed,
        deepest: 4,
        expression => $"SELECT id, {expression} AS v, typeof({expression}) AS k, hex({expression}) AS h FROM t",
        OfSqlite,
        OfEngine);

    [Theory]
    [InlineData(7)]
    [InlineData(31000)]
    public void A_condition_lets_the_rows_pass_that_SQLite_lets_pass(int firstSeed) => AssertSame(
        firstSeed,
        deepest: 3,
        condition => $"SELECT id, 1 AS v, 'integer' AS k, '' AS h FROM t WHERE id IS NOT NULL AND {condition}",
        (sqlite, sql, values, document) => OfSqlite(sqlite, $"CASE WHEN {sql} THEN 'passes' ELSE 'fails' END", values, document) == "text 706173736573",
        (engine, values, document) => OfEngine(engine, values, document) == "integer ");

    private static void AssertSame<T>(
        int firstSeed,
        int deepest,
        Func<string, string> queryOf,
        Func<SqliteConnection, string, object?[], string, T> ofSqlite,
        Func<RuleSetHarness, object?[], string, T> ofEngine)
    {
        Batteries_V2.Init();
        using var sqlite = new SqliteConnection("Data Source=:memory:");
        sqlite.Open();
        var differences = new List<string>();
        for (var seed = firstSeed; seed < firstSeed + Expressions; seed++)
        {
            var random = new Random(seed);
            var generator = new SqliteExpressions(random);
            var (rules, sql) = generator.Next(random.Next(1, deepest + 1));
            var engine = new RuleSetHarness(Evaluated.File(3, queryOf(rules), Exact));
            for (var row = 0; row < RowsEach; row++)
            {
                object?[] values = [.. Enumerable.Range(0, SqliteExpressions.Columns).Select(_ => generator.Value())];
                var document = SqliteExpressions.Documents[random.Next(SqliteExpressions.Documents.Length)];

                var expected = ofSqlite(sqlite, sql, values, document);
                var actual = ofEngine(engine, values, document);

                if (!Equals(expected, actual))
                    differences.Add($"seed {seed}: {sql}\nover {string.Join(", ", values.Select(Describe))}, {document}\nSQLite: {expected}\nengine: {actual}");
            }
        }
        Assert.True(differences.Count == 0, $"{differences.Count} differences, the shortest:\n{string.Join("\n\n", differences.OrderBy(text => text.Length).Take(Shown))}");
    }

    private static string OfSqlite(SqliteConnection sqlite, string sql, object?[] values, string document)
    {
        using var command = sqlite.CreateCommand();
        var columns = string.Join(", ", values.Select((_, index) => $"$c{index} AS c{index}"));
        command.CommandText = $"SELECT v, typeof(v), hex(v) FROM (SELECT {sql} AS v FROM (SELECT {columns}, $j AS j))";
        for (var index = 0; index < values.Length; index++)
            command.Parameters.AddWithValue($"$c{index}", values[index] ?? DBNull.Value);
        command.Parameters.AddWithValue("$j", document);
        try
        {
            using var reader = command.ExecuteReader();
            reader.Read();
            return Print(reader.GetString(1), reader.GetString(2), reader.IsDBNull(0) || reader.GetFieldType(0) != typeof(double) ? null : reader.GetDouble(0));
        }
        catch (SqliteException)
        {
            return Failed;
        }
    }

    private static string OfEngine(RuleSetHarness engine, object?[] values, string document)
    {
        (string Name, uint Type)[] columns =
            [("id", 25u), .. values.Select((value, index) => ($"c{index}", TypeOf(value))), ("j", 3802u)];
        string?[] texts = ["1", .. values.Select(TextOf), document];
        var line = engine.Put(RuleSetHarness.Table("t", columns), RuleSetHarness.Row(texts)).FirstOrDefault() ?? "";
        if (!line.StartsWith("row t 1 ", StringComparison.Ordinal))
            return Failed;
        var data = JsonElement.Parse(line["row t 1 ".Length..]);
        var real = data.TryGetProperty("v", out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : (double?)null;
        var kind = data.GetProperty("k").GetString()!;
        return Print(kind, data.GetProperty("h").GetString()!, kind == "real" ? real : null);
    }

    // Infinity has no JSON form; its text in "hex" still tells.
    private static string Print(string kind, string hex, double? real) =>
        real is { } number && double.IsFinite(number) ? $"{kind} {(number + 0.0).ToString("R", CultureInfo.InvariantCulture)} {hex}" : $"{kind} {hex}";

    private static uint TypeOf(object? value) => value switch
    {
        long => 20,
        double => 701,
        byte[] => 17,
        _ => 25,
    };

    private static string? TextOf(object? value) => value switch
    {
        null => null,
        byte[] bytes => "\\x" + Convert.ToHexString(bytes),
        double real => real.ToString("R", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    private static string Describe(object? value) => value switch
    {
        null => "null",
        string text => $"'{text}'",
        byte[] bytes => $"x'{Encoding.UTF8.GetString(bytes)}'",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}

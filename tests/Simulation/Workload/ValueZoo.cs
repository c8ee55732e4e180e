using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>
/// The extremes of every type. Each value has one form on a device, byte for byte, whether it came with a snapshot, with the stream, or was fetched
/// because the stream had left it out (C-FORM).
/// </summary>
internal sealed class ValueZoo : Workload
{
    private const int MostRows = 12;

    private static readonly string Digits = new('7', 400);

    /// <summary>By column: its type as SQL and by oid, and what Postgres sends for a value, with the value as JSON that a device gets; null: it is left out.</summary>
    public static readonly IReadOnlyList<ZooColumn> Columns =
    [
        new("flag", "bool", 16, [("t", "1"), ("f", "0")]),
        new("bytes", "bytea", 17, [("\\x", null), ("\\x00ff", null)]),
        new("big", "bigint", 20, [("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"), ("0", "0")]),
        new("small", "smallint", 21, [("-32768", "-32768"), ("32767", "32767")]),
        new("whole", "integer", 23, [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
        new("words", "text", 25,
        [
            ("", "\"\""), ("ü \u00a0 \ud83d\ude00", "\"ü \u00a0 \ud83d\ude00\""), ("\u0001\u001f\u007f\t\n\r\b\f", "\"\\u0001\\u001f\u007f\\t\\n\\r\\b\\f\""),
            ("/\"\\'</script>", "\"/\\\"\\\\'</script>\""), ("\u2028\u2029", "\"\u2028\u2029\""),
        ]),
        new("doc", "json", 114,
        [
            ("{\"a\": 1.0, \"a\":2}", "\"{\\\"a\\\": 1.0, \\\"a\\\":2}\""), ("\"\\u0000\"", "\"\\\"\\\\u0000\\\"\""), ("\"\\ud800\"", "\"\\\"\\\\ud800\\\"\""), (" null", "\" null\""),
        ]),
        new("single", "real", 700, [("3.4028235e+38", "3.4028235e+38"), ("1e-45", "1e-45"), ("0.1", "0.1"), ("-0", "0.0"), ("NaN", "null")]),
        new("double", "double precision", 701,
        [
            ("1.7976931348623157e+308", "1.7976931348623157e+308"), ("5e-324", "5e-324"), ("0.30000000000000004", "0.30000000000000004"),
            ("1.2345678901234568e+20", "123456789012345680000.0"), ("1e+21", "1e+21"), ("1e-06", "0.000001"), ("1e-07", "1e-7"), ("100", "100.0"),
            ("-Infinity", "null"),
        ]),
        new("blank", "char(5)", 1042, [("ab   ", "\"ab   \""), ("     ", "\"     \"")]) { TypeModifier = 9 },
        new("day", "date", 1082, [("infinity", "\"9999-12-31\""), ("-infinity", "\"0000-01-01\""), ("0044-03-15 BC", "\"0044-03-15 BC\""), ("5874897-12-31", "\"5874897-12-31\"")]),
        new("clock", "time", 1083, [("24:00:00", "\"24:00:00\""), ("00:00:00.000001", "\"00:00:00.000001\"")]),
        new("moment", "timestamp", 1114,
        [
            ("infinity", "\"9999-12-31 23:59:59\""), ("-infinity", "\"0000-01-01 00:00:00\""), ("0044-03-15 00:00:00 BC", "null"),
            ("294276-12-31 23:59:59.999999", "null"), ("2024-02-29 23:59:59.999999", "\"2024-02-29 23:59:59.999999\""),
        ]),
        new("instant", "timestamptz", 1184,
        [
            ("infinity", "\"9999-12-31 23:59:59Z\""), ("2024-03-01 08:00:00+00", "\"2024-03-01 08:00:00Z\""),
            ("2024-03-01 08:00:00.000001+00", "\"2024-03-01 08:00:00.000001Z\""), ("10000-01-01 00:00:00+00", "null"),
        ]),
        new("span", "interval", 1186, [("-1 years -2 mons +3 days -04:05:06.789", "\"-1 years -2 mons +3 days -04:05:06.789\""), ("00:00:00", "\"00:00:00\"")]),
        new("exact", "numeric", 1700, [("1.00", "\"1.00\""), ("NaN", "\"NaN\""), ("Infinity", "\"Infinity\""), ("-0.000000000000000000000000000000000001", "\"-0.000000000000000000000000000000000001\""), (Digits, $"\"{Digits}\"")]),
        new("code", "uuid", 2950, [("00000000-0000-0000-0000-000000000000", "\"00000000-0000-0000-0000-000000000000\"")]),
        new("tree", "jsonb", 3802, [("{\"a\": [1, 1.0, null]}", "\"{\\\"a\\\": [1, 1.0, null]}\""), ("\"a\"", "\"\\\"a\\\"\""), (Digits, $"\"{Digits}\"")]),
        new("numbers", "integer[]", 1007, [("{1,NULL,-3}", "\"[1,null,-3]\""), ("{}", "\"[]\""), ("{{1,2},{3,4}}", "\"[[1,2],[3,4]]\"")]),
        new("texts", "text[]", 1009, [("{\"a b\",NULL,\"NULL\",\"c\\\"d\\\\\"}", "\"[\\\"a b\\\",null,\\\"NULL\\\",\\\"c\\\\\\\"d\\\\\\\\\\\"]\"")]),
    ];

    public static readonly SimTable Table = new(
        16_440,
        "zoo",
        ReplicaIdentity.Default,
        [SimTable.Key("id"), .. Columns.Select(column => new SourceColumn(column.Name, column.TypeId, column.TypeModifier, IsKey: false))]);

    private static readonly IReadOnlyDictionary<(int Column, string Text), string?> Forms = Columns
        .SelectMany((column, index) => column.Values.Select(value => (Key: (index, value.Text), value.Json)))
        .ToDictionary(form => form.Key, form => form.Json);

    public override int Weight => 1;

    public override IReadOnlyList<SimTable> Tables => [Table];

    public override string Definitions => """
          zoo:
            data:
              - SELECT * FROM zoo
        """;

    public override bool NeedsViews => true;

    public override IReadOnlyList<LocalTable> LocalTables { get; } = [new LocalTable(Table.Name, LocalColumn.Text("words"))];

    public override void Change(SimTransaction transaction, Author author)
    {
        var random = author.Random;
        var key = author.AnyKey(transaction, Table);
        if (key is null || (random.Chance(0.4) && transaction.State.Rows(Table.Name).Count < MostRows))
        {
            var row = SimRow.Of([author.NewId("z"), .. Columns.Select(column => random.Chance(0.3) ? null : random.Pick(column.Values).Text)]);
            transaction.Insert(Table, row);
        }
        else if (random.Chance(0.2))
        {
            transaction.Delete(Table, key);
        }
        else
        {
            var column = random.Below(Columns.Count);
            transaction.Update(Table, key, row => row.With(column + 1, random.Pick(Columns[column].Values).Text));
        }
    }

    public override void AddVisible(string user, SourceState state, SortedSet<string> rows)
    {
        foreach (var row in state.Rows(Table.Name).Values)
        {
            var members = Columns
                .Select((column, index) => (column.Name, Json: row[index + 1] is { } text ? Forms[(index, text)] : "null"))
                .Where(member => member.Json is not null)
                .Select(member => string.Create(CultureInfo.InvariantCulture, $",\"{member.Name}\":{member.Json}"));
            rows.Add(NaiveModel.Describe(Table.Name, [row[0], $"{{\"id\":\"{row[0]}\"{string.Concat(members)}}}"]));
        }
    }

    /// <summary>As it was stored: a view would change numbers.</summary>
    public override void AddShown(Database database, SortedSet<string> rows)
    {
        var statement = database.Prepare($"SELECT id, data FROM {SqlText.DataPrefix}{Table.Name}");
        while (statement.Step())
            rows.Add(NaiveModel.Describe(Table.Name, [statement.Text(0), statement.Text(1)]));
    }
}

/// <summary>A column of the zoo.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, as SQL.</param>
/// <param name="TypeId">The type's oid.</param>
/// <param name="Values">What Postgres sends, and what a device gets as JSON.</param>
internal sealed record ZooColumn(string Name, string Type, uint TypeId, IReadOnlyList<(string Text, string? Json)> Values)
{
    public int TypeModifier { get; init; } = -1;
}

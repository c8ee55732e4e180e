using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class ValuesHaveOneForm
{
    // Type, constant, and the text it must have.
    private static readonly (string Type, string Value, string Text)[] Values =
    [
        ("bool", "true", "t"),
        ("int2", "-32768", "-32768"),
        ("int8", "9223372036854775807", "9223372036854775807"),
        ("float4", "3.14", "3.14"),
        ("float8", "0.1::float8 + 0.2::float8", "0.30000000000000004"),
        ("float8", "'NaN'", "NaN"),
        ("numeric", "1.50", "1.50"),
        ("numeric", "18014398509481982123", "18014398509481982123"),
        ("money", "1000", "$1,000.00"),
        ("text", @"E'tab\tline\nback\\slash ''quote'' ünï'", "tab\tline\nback\\slash 'quote' ünï"),
        ("varchar(10)", "'v'", "v"),
        ("bpchar", "'p'", "p"),
        ("char(4)", "'p'", "p   "),
        ("\"char\"", "'c'", "c"),
        ("name", "'n'", "n"),
        ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("bytea", @"'\xDEADBEEF'", @"\xdeadbeef"),
        ("json", "'{\"a\":  1}'", "{\"a\":  1}"),
        ("jsonb", "'{\"a\":  1}'", "{\"a\": 1}"),
        ("xml", "'<a>1</a>'", "<a>1</a>"),
        ("json", @"'{""a"": ""\u0000 \ud800""}'", @"{""a"": ""\u0000 \ud800""}"),
        ("jsonb", "('{\"a\": 1' || repeat('0', 400) || '}')", $"{{\"a\": 1{new string('0', 400)}}}"),
        ("numeric", "'-Infinity'", "-Infinity"),
        ("date", "'2023-03-06'", "2023-03-06"),
        ("date", "'infinity'", "infinity"),
        ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
        ("date", "'15023-03-06'", "15023-03-06"),
        ("time", "'24:00:00'", "24:00:00"),
        ("time", "'17:42:01.12'", "17:42:01.12"),
        ("timetz", "'15:47:00+02'", "15:47:00+02"),
        ("timestamp", "'2023-03-06 15:47:12.4'", "2023-03-06 15:47:12.4"),
        ("timestamptz", "'2023-03-06 15:47:12.123456+02'", "2023-03-06 13:47:12.123456+00"),
        ("timestamptz", "'-infinity'", "-infinity"),
        ("timestamp", "'infinity'", "infinity"),
        ("timestamp", "'294276-12-31 23:59:59.999999'", "294276-12-31 23:59:59.999999"),
        ("timestamptz", "'4713-01-01 00:00:00+00 BC'", "4713-01-01 00:00:00+00 BC"),
        ("interval", "'1 year 2 months 3 days 04:05:06'", "1 year 2 mons 3 days 04:05:06"),
        ("inet", "'192.168.1.5'", "192.168.1.5"),
        ("cidr", "'10.0.0.0/8'", "10.0.0.0/8"),
        ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
        ("varbit", "B'10110'", "10110"),
        ("pg_lsn", "'16/B374D848'", "16/B374D848"),
        ("point", "'(1,2)'", "(1,2)"),
        ("int4[]", "'{1,NULL,3}'", "{1,NULL,3}"),
        ("text[]", "ARRAY['a,b', 'null', '\"']", "{\"a,b\",\"null\",\"\\\"\"}"),
        ("bool[]", "'{t,f}'", "{t,f}"),
        ("int4range", "'[2,4)'", "[2,4)"),
        ("int4multirange", "'{[2,4),[6,8)}'", "{[2,4),[6,8)}"),
        ("mood", "'happy'", "happy"),
        ("mood[]", "'{sad,happy}'", "{sad,happy}"),
        ("positive", "7", "7"),
        ("pair", "ROW(true, 'x y', NULL)", "(t,\"x y\",)"),
        ("pair", "ROW(NULL, NULL, NULL)", "(,,)"),
        ("tsvector", "'a:1'", "'a':1"),
        ("regclass", "'pg_catalog.pg_class'", "pg_class"),
    ];

    [Fact]
    public async Task Snapshot_and_stream_print_every_type_alike_whatever_the_database_is_set_to()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"""
             ALTER DATABASE {database.Name} SET DateStyle = 'German';
             ALTER DATABASE {database.Name} SET IntervalStyle = 'sql_standard';
             ALTER DATABASE {database.Name} SET TimeZone = 'Asia/Kathmandu';
             ALTER DATABASE {database.Name} SET extra_float_digits = -10;
             ALTER DATABASE {database.Name} SET bytea_output = 'escape';
             ALTER DATABASE {database.Name} SET default_transaction_read_only = on;
             """);
        await database.ExecuteAsync(
            $"""
             SET transaction_read_only = off; SET DateStyle = 'ISO';
             CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
             CREATE TYPE pair AS (a bool, b text, c int);
             CREATE TABLE forms (id int PRIMARY KEY, {Columns(" ")});
             INSERT INTO forms VALUES (1, {List(value => $"({value.Value})::{value.Type}")});
             """);
        await using var follower = Follower.Start(database, "forms");
        await follower.UntilAsync(() => follower.IsVisible);
        var expected = $"{string.Join('|', Values.Select(value => value.Text))}";

        await database.ExecuteAsync("SET transaction_read_only = off; INSERT INTO forms SELECT 2, " + Columns("", names: true) + " FROM forms");

        await follower.UntilAsync(() => follower.Rows("forms").Count == 2);
        Assert.Equal($"1|{expected}", follower.Rows("forms")["1"]);
        Assert.Equal($"2|{expected}", follower.Rows("forms")["2"]);
    }

    [Fact]
    public async Task Generated_columns_are_in_neither()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE sums (a int, id int PRIMARY KEY, twice int GENERATED ALWAYS AS (a * 2) STORED, dropped int, b int);"
            + "ALTER TABLE sums DROP dropped; INSERT INTO sums (a, id, b) VALUES (1, 1, 2)");
        await using var follower = Follower.Start(database, "sums");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO sums (a, id, b) VALUES (3, 2, 4)");

        await follower.UntilAsync(() => follower.Rows("sums").Count == 2);
        Assert.Equal(["1|1|2", "3|2|4"], follower.Rows("sums").Values);
    }

    [Fact]
    public async Task Row_filters_and_column_lists_of_the_publication_hold_for_the_snapshot_too()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE people (id int PRIMARY KEY, name text, secret text); INSERT INTO people VALUES (1, 'a', 's'), (2, 'b', 's'), (13, 'c', 's');"
            + "CREATE PUBLICATION topgun FOR TABLE people (id, name) WHERE (id < 10)");
        await using var follower = Follower.Start(database, "people");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO people VALUES (3, 'd', 's'), (14, 'e', 's')");

        await follower.UntilAsync(() => follower.Rows("people").ContainsKey("3"));
        Assert.Equal(["1|a", "2|b", "3|d"], follower.Rows("people").Values);
    }

    private static string Columns(string separator, bool names = false) =>
        List((value, index) => names ? $"c{index}" : $"c{index}{separator}{value.Type}");

    private static string List(Func<(string Type, string Value, string Text), string> write) => List((value, _) => write(value));

    private static string List(Func<(string Type, string Value, string Text), int, string> write) => string.Join(", ", Values.Select(write));
}

using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Whatever happens to tables and rows at the source: a device shows what Postgres had before it, or has after it, and nothing else.</summary>
public class SourceFaults(FaultySource source) : IClassFixture<FaultySource>
{
    private const string Plain = "CREATE TABLE {t} (id int PRIMARY KEY, v int, body text); ALTER TABLE {t} ALTER body SET STORAGE EXTERNAL;"
        + "INSERT INTO {t} VALUES (1, 10, repeat('one', 2000)), (2, 20, repeat('two', 2000)), (3, 30, repeat('three', 2000));";

    private const string Partitioned = "CREATE TABLE {t} (id int, day int, v int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
        + "CREATE TABLE {t}_1 PARTITION OF {t} FOR VALUES FROM (0) TO (10); CREATE TABLE {t}_2 PARTITION OF {t} FOR VALUES FROM (10) TO (20);"
        + "INSERT INTO {t} VALUES (1, 1, 10), (2, 2, 20), (3, 15, 30);";

    private const string Family = "CREATE TABLE {t} (id int PRIMARY KEY); CREATE TABLE {t}_child (id int PRIMARY KEY, parent int REFERENCES {t});"
        + "INSERT INTO {t} VALUES (1), (2); INSERT INTO {t}_child VALUES (1, 1);";

    private const string Mood = "CREATE TYPE {t}_mood AS ENUM ('sad', 'ok'); CREATE TABLE {t} (id int PRIMARY KEY, v {t}_mood); INSERT INTO {t} VALUES (1, 'sad'), (2, 'ok');";

    // The fault; what is there; what happens, each line by itself; and what has to arrive after it as ever.
    private static readonly Fault[] All =
    [
        new("F20 unpublished and published again", Plain, "ALTER PUBLICATION topgun DROP TABLE {t}; UPDATE {t} SET v = 11 WHERE id = 1; DELETE FROM {t} WHERE id = 2; ALTER PUBLICATION topgun ADD TABLE {t}", "UPDATE {t} SET v = 12"),
        new("F21 dropped", Plain, "DROP TABLE {t}", "CREATE TABLE {t} (id int PRIMARY KEY, w text); INSERT INTO {t} VALUES (7, 'new')"),
        new("F21 dropped and created again", Plain, "DROP TABLE {t}; CREATE TABLE {t} (id int PRIMARY KEY, v int); INSERT INTO {t} VALUES (1, 10), (9, 90)", "UPDATE {t} SET v = v + 1"),
        new("F21 renamed away", Plain, "ALTER TABLE {t} RENAME TO gone_{t}", "ALTER TABLE gone_{t} RENAME TO {t}"),
        new("F21 renamed to another name that is wanted", Plain, "ALTER TABLE {t} RENAME TO {t}_new", "UPDATE {t}_new SET v = 1"),
        new("F21 swapped", Plain + "CREATE TABLE {t}_b (id int PRIMARY KEY, w int); INSERT INTO {t}_b VALUES (8, 80);", "ALTER TABLE {t} RENAME TO swap_{t}; ALTER TABLE {t}_b RENAME TO {t}; ALTER TABLE swap_{t} RENAME TO {t}_b", "INSERT INTO {t} VALUES (81, 1); INSERT INTO {t}_b VALUES (82, 2)"),
        new("F21 moved to another schema", Plain, "CREATE SCHEMA s_{t}; ALTER TABLE {t} SET SCHEMA s_{t}", "ALTER TABLE s_{t}.{t} SET SCHEMA public"),
        new("F22 column added with a default", Plain, "ALTER TABLE {t} ADD w int NOT NULL DEFAULT 7", "UPDATE {t} SET w = 8 WHERE id = 1"),
        new("F22 column added by a rewrite", Plain, "ALTER TABLE {t} ADD w int DEFAULT (random() * 0)::int + 5", "INSERT INTO {t} VALUES (4, 4, NULL, 4)"),
        new("F22 column dropped", Plain, "ALTER TABLE {t} DROP v; UPDATE {t} SET body = 'short'", "INSERT INTO {t} VALUES (4, 'four')"),
        new("F22 column renamed", Plain, "ALTER TABLE {t} RENAME v TO w", "UPDATE {t} SET w = 1 WHERE id = 2"),
        new("F22 column of another type", Plain, "ALTER TABLE {t} ALTER v TYPE text USING 'n' || v", "UPDATE {t} SET v = 'x' WHERE id = 2"),
        new("F22 enum label renamed", Mood, "ALTER TYPE {t}_mood RENAME VALUE 'sad' TO 'glum'", "INSERT INTO {t} VALUES (3, 'glum')"),
        new("F22 other primary key", Plain, "ALTER TABLE {t} DROP CONSTRAINT {t}_pkey; ALTER TABLE {t} ADD PRIMARY KEY (id, v)", "UPDATE {t} SET v = v + 1"),
        new("F22 primary key of another type", Plain, "ALTER TABLE {t} ALTER id TYPE bigint", "DELETE FROM {t} WHERE id = 1"),
        new("F22 identity full", Plain, "ALTER TABLE {t} REPLICA IDENTITY FULL", "UPDATE {t} SET v = 1 WHERE id = 1; DELETE FROM {t} WHERE id = 2"),
        new("F22 identity by an index", Plain, "ALTER TABLE {t} ALTER v SET NOT NULL; CREATE UNIQUE INDEX {t}_v ON {t} (v); ALTER TABLE {t} REPLICA IDENTITY USING INDEX {t}_v", "UPDATE {t} SET id = 100 WHERE v = 10; DELETE FROM {t} WHERE v = 20"),
        new("F24 truncated", Plain, "TRUNCATE {t}", "INSERT INTO {t} VALUES (1, 1, 'again')"),
        new("F24 truncated with cascade and filled again", Family, "TRUNCATE {t} CASCADE; INSERT INTO {t} VALUES (5)", "INSERT INTO {t}_child VALUES (2, 5)"),
        new("F24 one partition truncated", Partitioned, "TRUNCATE {t}_1", "INSERT INTO {t} VALUES (4, 4, 40)"),
        new("F25 partition attached with rows", Partitioned, "CREATE TABLE {t}_3 (LIKE {t} INCLUDING ALL); INSERT INTO {t}_3 VALUES (5, 25, 50); ALTER TABLE {t} ATTACH PARTITION {t}_3 FOR VALUES FROM (20) TO (30)", "INSERT INTO {t} VALUES (6, 26, 60)"),
        new("F25 partition detached", Partitioned, "ALTER TABLE {t} DETACH PARTITION {t}_2; DELETE FROM {t}_2", "INSERT INTO {t}_2 VALUES (7, 70, 7)"),
        new("F25 partition dropped", Partitioned, "DROP TABLE {t}_1", "UPDATE {t} SET v = 31"),
        new("F25 row moved to another partition", Partitioned, "UPDATE {t} SET day = 16 WHERE id = 1", "UPDATE {t} SET v = 11 WHERE id = 1"),
        new("F26 key updated", Plain, "UPDATE {t} SET id = 7 WHERE id = 1", "UPDATE {t} SET v = 71 WHERE id = 7"),
        new("F26 keys swapped", Plain, "UPDATE {t} SET id = -1 WHERE id = 1; UPDATE {t} SET id = 1 WHERE id = 2; UPDATE {t} SET id = 2 WHERE id = -1", "DELETE FROM {t} WHERE id = 1"),
        new("F26 key chain", Plain, "UPDATE {t} SET id = 11 WHERE id = 1; UPDATE {t} SET id = 12 WHERE id = 11; UPDATE {t} SET id = 13 WHERE id = 12", "UPDATE {t} SET v = 0 WHERE id = 13"),
        new("F26 deleted and inserted again", Plain, "DELETE FROM {t} WHERE id = 1; INSERT INTO {t} VALUES (1, 5, repeat('five', 2000)); UPDATE {t} SET v = 6 WHERE id = 1", "DELETE FROM {t} WHERE id = 1"),
        new("F30 prepared, committed later", Plain, "BEGIN; INSERT INTO {t} VALUES (4, 40, NULL); SAVEPOINT a; INSERT INTO {t} VALUES (5, 50, NULL); ROLLBACK TO a; PREPARE TRANSACTION '{t}'\nINSERT INTO {t} VALUES (6, 60, NULL)\nCOMMIT PREPARED '{t}'", "DELETE FROM {t}"),
        new("F30 prepared, rolled back", Plain, "BEGIN; DELETE FROM {t}; PREPARE TRANSACTION '{t}'\nROLLBACK PREPARED '{t}'", "UPDATE {t} SET v = 0"),
        new("F30 savepoints rolled back", Plain, "BEGIN; SAVEPOINT a; DELETE FROM {t}; ROLLBACK TO a; UPDATE {t} SET v = 5 WHERE id = 1; SAVEPOINT b; UPDATE {t} SET v = 6; ROLLBACK TO b; COMMIT", "DELETE FROM {t}"),
        new("S9 stored generated column", "CREATE TABLE {t} (id int PRIMARY KEY, v int, w int GENERATED ALWAYS AS (v * 2) STORED); INSERT INTO {t} (id, v) VALUES (1, 1);", "UPDATE {t} SET v = 2; INSERT INTO {t} (id, v) VALUES (2, 5)", "ALTER TABLE {t} ALTER w DROP EXPRESSION"),
        new("S10 made unlogged and logged again", Plain, "ALTER PUBLICATION topgun DROP TABLE {t}; ALTER TABLE {t} SET UNLOGGED; UPDATE {t} SET v = 1; ALTER TABLE {t} SET LOGGED; ALTER PUBLICATION topgun ADD TABLE {t}", "UPDATE {t} SET v = 2"),
        new("S5 copied rows", Plain, "INSERT INTO {t} SELECT i, i, 'row ' || i FROM generate_series(100, 1500) i; DELETE FROM {t} WHERE id % 2 = 0", "DELETE FROM {t} WHERE id > 200"),
        new("S22 a key that only looks different", "CREATE TABLE {t} (id numeric PRIMARY KEY, v int); INSERT INTO {t} VALUES (1.0, 1);", "UPDATE {t} SET id = 1.00, v = 2", "DELETE FROM {t} WHERE id = 1"),
        new("S22 a padded key", "CREATE TABLE {t} (id char(6) PRIMARY KEY, v int); INSERT INTO {t} VALUES ('a', 1);", "UPDATE {t} SET id = 'a  ', v = 2", "DELETE FROM {t} WHERE id = 'a'"),
    ];

    public static TheoryData<string> Kinds => [.. All.Select(fault => fault.Kind).Distinct()];

    /// <summary>All faults of a kind at once, each on tables of its own.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public Task A_device_shows_the_state_before_or_after_it(string kind) => Task.WhenAll(All.Where(fault => fault.Kind == kind).Select(SufferAsync));

    private async Task SufferAsync(Fault fault)
    {
        var prefix = source.NextPrefix();
        await ExecuteAsync(fault.SetUp, prefix);
        List<IReadOnlyList<string>> allowed = [await source.ExpectedAsync(prefix)];
        var seen = new List<IReadOnlyList<string>>();
        await using var client = new ProtocolClient(source.Service.Url, "ann")
        {
            Completed = view =>
            {
                lock (seen)
                    seen.Add(FaultySource.Shown(view, prefix));
            },
        };
        client.Start();
        await WaitAsync(client, prefix, allowed[0], fault.Name);
        lock (seen)
            seen.Clear();

        foreach (var line in fault.Change.Split('\n'))
        {
            await ExecuteAsync(line, prefix);
            allowed.Add(await source.ExpectedAsync(prefix));
        }
        await WaitAsync(client, prefix, allowed[^1], fault.Name);
        lock (seen)
        {
            var torn = seen.FirstOrDefault(state => !allowed.Exists(one => one.SequenceEqual(state)));
            Assert.True(torn is null, $"{fault.Name}: [{string.Join("; ", torn?.Select(Short) ?? [])}] never was.");
        }

        await ExecuteAsync(fault.Later, prefix);
        await WaitAsync(client, prefix, await source.ExpectedAsync(prefix), fault.Name);
        Assert.Empty(client.Violations);
        Assert.Equal(0, client.DroppedBuckets);
    }

    [Theory]
    [InlineData("UPDATE shown_docs SET shown = 1 WHERE id = '{t}'", "{t}")]
    [InlineData("UPDATE shown_docs SET shown = 1, id = '{t}2' WHERE id = '{t}'", "{t}2")]
    [InlineData("UPDATE shown_docs SET id = '{t}2' WHERE id = '{t}'; UPDATE shown_docs SET shown = 1, id = '{t}3' WHERE id = '{t}2'", "{t}3")]
    public async Task F27_a_row_that_enters_a_bucket_brings_the_large_value_that_its_update_left_out(string change, string id)
    {
        var prefix = source.NextPrefix();
        await ExecuteAsync("INSERT INTO shown_docs VALUES ('{t}', 0, repeat('large ', 2000))", prefix);
        await using var client = new ProtocolClient(source.Service.Url, "ann").Start();
        await client.WaitForAsync("first", "v", "1");

        await ExecuteAsync(change, prefix);

        var view = await client.WaitAsync(view => view.Rows.Any(row => row.Type == "shown_docs" && row.Id.StartsWith(prefix, StringComparison.Ordinal)), "the row");
        var row = Assert.Single(view.Rows, row => row.Type == "shown_docs" && row.Id.StartsWith(prefix, StringComparison.Ordinal));
        Assert.Equal(id.Replace("{t}", prefix, StringComparison.Ordinal), row.Id);
        Assert.Equal(string.Concat(Enumerable.Repeat("large ", 2000)), row["body"]);
        await ExecuteAsync("UPDATE shown_docs SET shown = 0 WHERE id LIKE '{t}%'", prefix);
        await client.WaitAsync(view => !view.Rows.Any(row => row.Type == "shown_docs" && row.Id.StartsWith(prefix, StringComparison.Ordinal)), "no row");
    }

    [Theory]
    [InlineData("FULL")]
    [InlineData("DEFAULT")]
    public async Task S8_an_update_that_changes_nothing_sends_nothing(string identity)
    {
        var prefix = source.NextPrefix();
        await ExecuteAsync(Plain + $"ALTER TABLE {{t}} REPLICA IDENTITY {identity}", prefix);
        await using var client = new ProtocolClient(source.Service.Url, "ann").Start();
        var before = Rows(await WaitAsync(client, prefix, await source.ExpectedAsync(prefix), "an update"));

        await ExecuteAsync("UPDATE {t} SET v = v WHERE id < 3; UPDATE {t} SET v = 31 WHERE id = 3", prefix);

        var after = Rows(await WaitAsync(client, prefix, await source.ExpectedAsync(prefix), "an update"));
        Assert.Equal((before["1"], before["2"]), (after["1"], after["2"]));
        Assert.NotEqual(before["3"], after["3"]);

        Dictionary<string, ulong> Rows(ClientView view) =>
            view.Rows.Where(row => row.Type.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(row => row.Id, row => row.OpId);
    }

    [Fact]
    public async Task F29_F33_S23_odd_values_have_one_form_whether_they_were_read_or_streamed_and_whatever_the_database_is_set_to()
    {
        (string Type, string Value, string? Shown)[] values =
        [
            ("text", "(SELECT string_agg(chr(i), '') FROM generate_series(1, 1114111) i WHERE i NOT BETWEEN 55296 AND 57343)", null), // every code point
            ("text", "repeat('fifteen megabytes', 925000)", null),
            ("json", "(repeat('[', 5000) || repeat(']', 5000))", null),
            ("text", "(repeat('[', 10000) || repeat(']', 10000))", null),
            ("json", @"'{""a"": ""\u0000 \ud800""}'", @"{""a"": ""\u0000 \ud800""}"),
            ("jsonb", "('{\"a\": 1' || repeat('0', 400) || '}')", $"{{\"a\": 1{new string('0', 400)}}}"),
            ("float8", "(0.1::float8 + 0.2::float8)", "0.30000000000000004"),
            ("float8", "'NaN'", null),
            ("numeric", "'-Infinity'", "-Infinity"),
            ("date", "date '2023-03-06'", "2023-03-06"),
            ("date", "'infinity'", "9999-12-31"),
            ("date", "date '0044-03-15 BC'", "0044-03-15 BC"),
            ("timestamptz", "timestamptz '2023-03-06 15:47:12.123456+02'", "2023-03-06 13:47:12.123456Z"),
            ("timestamp", "timestamp '15023-03-06 00:00:00'", null),
            ("interval", "interval '1 year 2 months 3 days 04:05:06'", "1 year 2 mons 3 days 04:05:06"),
        ];
        var prefix = source.NextPrefix();
        var columns = values.Select((_, index) => $"c{index}").ToList();
        await ExecuteAsync(
            $"SET DateStyle = 'ISO'; CREATE TABLE {{t}} (id int PRIMARY KEY, {string.Join(", ", values.Select((value, index) => $"c{index} {value.Type}"))});"
            + $"INSERT INTO {{t}} VALUES (1, {string.Join(", ", values.Select(value => $"({value.Value})::{value.Type}"))})",
            prefix);
        await using var client = new ProtocolClient(source.Service.Url, "ann").Start();
        await client.WaitAsync(view => Find(view, "1") is not null, "the row that was read");

        await ExecuteAsync($"INSERT INTO {{t}} SELECT 2, {string.Join(", ", columns)} FROM {{t}}", prefix);

        var view = await client.WaitAsync(view => Find(view, "2") is not null, "the row that was streamed");
        foreach (var (column, (type, _, shown)) in columns.Zip(values))
        {
            Assert.True(Find(view, "1")![column] == Find(view, "2")![column], $"{column} ({type}) differs by how it came.");
            if (shown is not null)
                Assert.Equal(shown, Find(view, "1")![column]);
        }
        var codePoints = Find(view, "2")!["c0"]!;
        Assert.Equal(1_114_111 - 2048, codePoints.EnumerateRunes().Count());
        await ExecuteAsync("DROP TABLE {t}", prefix); // or every client after this one downloads it

        RowCopy? Find(ClientView view, string id) => view.Rows.FirstOrDefault(row => row.Type == prefix && row.Id == id);
    }

    private Task ExecuteAsync(string sql, string prefix) => source.Database.ExecuteAsync(sql.Replace("{t}", prefix, StringComparison.Ordinal));

    private async Task<ClientView> WaitAsync(ProtocolClient client, string prefix, IReadOnlyList<string> expected, string after)
    {
        try
        {
            return await client.WaitAsync(view => FaultySource.Shown(view, prefix).SequenceEqual(expected), $"[{string.Join("; ", expected.Select(Short))}] after {after}");
        }
        catch (Xunit.Sdk.XunitException failure)
        {
            var shown = FaultySource.Shown(await client.WaitAsync(_ => true, "anything"), prefix);
            Assert.Fail($"{failure.Message}\nShown: {string.Join("; ", shown.Select(Short))}\n{source.Service.Log}");
            throw;
        }
    }

    private static string Short(string row) => row.Length > 100 ? row[..100] : row;

    private sealed record Fault(string Name, string SetUp, string Change, string Later)
    {
        public string Kind => Name[0] == 'S' ? "S" : Name.Split(' ')[0];
    }
}

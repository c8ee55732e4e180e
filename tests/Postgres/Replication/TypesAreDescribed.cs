using System.Text;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>Values of types that are not built in: as JSON where the rules expand them, as Postgres prints them where they do not; read or streamed.</summary>
public class TypesAreDescribed
{
    // Type, constant, what the rules expand it to, and what Postgres prints.
    private static readonly (string Type, string Value, string Expanded, string Printed)[] Values =
    [
        ("mood", "'happy'", "happy", "happy"),
        ("mood[]", "'{sad,happy}'", """["sad","happy"]""", "{sad,happy}"),
        ("positive", "7", "7", "7"),
        ("positive[]", "'{7,8}'", "[7,8]", "{7,8}"),
        ("numbers", "'{1,NULL,3}'", "[1,null,3]", "{1,NULL,3}"),
        ("pair", "ROW(true, 'x y', NULL)", """{"a":1,"b":"x y","c":null}""", "(t,\"x y\",)"),
        ("pair[]", "ARRAY[ROW(true, 'a', 1)::pair, NULL]", """[{"a":1,"b":"a","c":1},null]""", "{\"(t,a,1)\",NULL}"),
        ("nest", "ROW(ROW(false, '(', 2), '{sad}', '[1,5)', '{1.5,2}', 9, '[\"a\"]')",
            """{"p":{"a":0,"b":"(","c":2},"m":["sad"],"r":{"lower":1,"upper":5,"lower_exclusive":0,"upper_exclusive":1},"f":[1.5,2.0],"d":9,"j":["a"]}""",
            """("(f,""("",2)",{sad},"[1,5)","{1.5,2}",9,"[""a""]")"""),
        ("int4range", "'[2,4)'", """{"lower":2,"upper":4,"lower_exclusive":0,"upper_exclusive":1}""", "[2,4)"),
        ("int4range[]", "'{empty}'", """["empty"]""", "{empty}"),
        ("tsrange", "'(,2024-01-02 03:04:05]'", """{"lower":null,"upper":"2024-01-02T03:04:05.000000","lower_exclusive":1,"upper_exclusive":0}""", "(,\"2024-01-02 03:04:05\"]"),
        ("int8multirange", "'{[2,4),[6,8)}'",
            """[{"lower":2,"upper":4,"lower_exclusive":0,"upper_exclusive":1},{"lower":6,"upper":8,"lower_exclusive":0,"upper_exclusive":1}]""", "{[2,4),[6,8)}"),
        ("span", "'[0.5,1]'", """{"lower":0.5,"upper":1.0,"lower_exclusive":0,"upper_exclusive":0}""", "[0.5,1]"),
        ("spans", "'{[0.5,1]}'", """[{"lower":0.5,"upper":1.0,"lower_exclusive":0,"upper_exclusive":0}]""", "{[0.5,1]}"),
        ("yes_no", "'YES'", "YES", "YES"),
        ("box[]", "'{(3,4),(1,2)}'", """["(3,4),(1,2)"]""", "{(3,4),(1,2)}"),
    ];

    private const string Types = """
        CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE DOMAIN numbers AS int[];
        CREATE DOMAIN yes_no AS information_schema.yes_or_no;
        CREATE TYPE pair AS (a bool, b text, c int);
        CREATE TYPE nest AS (p pair, m mood[], r int4range, f float8[], d positive, j jsonb);
        CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);
        """;

    [Theory]
    [InlineData(true, ReplicaIdentity.Default)]
    [InlineData(true, ReplicaIdentity.Full)]
    [InlineData(false, ReplicaIdentity.Default)]
    public async Task Snapshot_and_stream_give_the_same_values_with_and_without_the_switch(bool expands, ReplicaIdentity identity)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"""
             {Types}
             CREATE TABLE things (id int PRIMARY KEY, {Columns(" ")});
             ALTER TABLE things REPLICA IDENTITY {identity};
             INSERT INTO things VALUES (1, {string.Join(", ", Values.Select(value => $"({value.Value})::{value.Type}"))});
             """);
        var rows = new Evaluated(Rules(expands));
        await using var follower = Follower.Start(database, Follower.OptionsFor("things"), prepare: follower => follower.Before = rows.Take);
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync($"INSERT INTO things SELECT 2, {Columns("", names: true)} FROM things");
        await follower.UntilAsync(() => follower.Rows("things").Count == 2);

        Assert.Equal(Values.Select(value => expands ? value.Expanded : Plain(value)), rows["1"].Skip(1));
        Assert.Equal(rows["1"].Skip(1), rows["2"].Skip(1));
        Assert.Equal(rows.Tables[0].Columns, rows.Tables[^1].Columns); // one form, so that it counts as one definition
    }

    [Fact]
    public async Task A_type_that_appears_or_changes_while_we_follow_is_looked_up()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TYPE pair AS (a bool); CREATE TABLE things (id int PRIMARY KEY, p pair)");
        var rows = new Evaluated(Rules(expands: true));
        await using var follower = Follower.Start(database, Follower.OptionsFor("things"), prepare: follower => follower.Before = rows.Take);
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync(
            """
            INSERT INTO things VALUES (1, ROW(true));
            CREATE TYPE point3 AS (x int, y int, z int);
            ALTER TABLE things ADD q point3[];
            INSERT INTO things VALUES (2, ROW(true), ARRAY[ROW(1, 2, 3)::point3]);
            """);
        await follower.UntilAsync(() => follower.Rows("things").Count == 2);
        await database.ExecuteAsync("ALTER TYPE pair ADD ATTRIBUTE b text; ALTER TABLE things DROP q");
        await database.ExecuteAsync("INSERT INTO things VALUES (3, ROW(false, 'new'))");
        await follower.UntilAsync(() => follower.Rows("things").Count == 3);

        Assert.Equal(["1", """{"a":1}"""], rows["1"]);
        Assert.Equal(["2", """{"a":1}""", """[{"x":1,"y":2,"z":3}]"""], rows["2"]);
        Assert.Equal(["3", """{"a":0,"b":"new"}"""], rows["3"]);
    }

    // Without the switch only arrays of built-in types are JSON.
    private static string Plain((string Type, string Value, string Expanded, string Printed) value) =>
        value.Type == "box[]" ? value.Expanded : value.Printed;

    private static string Columns(string separator, bool names = false) =>
        string.Join(", ", Values.Select((value, index) => names ? $"c{index}" : $"c{index}{separator}{value.Type}"));

    private static RuleSet Rules(bool expands)
    {
        var result = RuleSet.Parse(
            $"config: {{edition: 2, custom_postgres_types: {(expands ? "true" : "false")}}}\nbucket_definitions: {{all: {{data: [SELECT * FROM things]}}}}\n",
            new RuleSetOptions());
        Assert.True(result.Rules is not null, string.Join('\n', result.Findings));
        return result.Rules!;
    }

    /// <summary>The values that clients would get, by id.</summary>
    private sealed class Evaluated(RuleSet rules)
    {
        private readonly Dictionary<string, string[]> _rows = [];

        public List<SourceTable> Tables { get; } = [];

        public string[] this[string id] => _rows[id];

        public void Take(SourceEvent change)
        {
            var row = new SourceRow();
            if (change is SnapshotRows snapshot)
            {
                for (var index = 0; index < snapshot.Rows.RowCount; index++)
                {
                    snapshot.Rows.Read(index, row);
                    Evaluate(snapshot.Table, row);
                }
            }
            else if (change is TransactionCommitted committed)
            {
                for (var changes = committed.Transaction.ReadChanges(); changes.Read();)
                    Evaluate(changes.Table, changes.New);
            }
        }

        private void Evaluate(SourceTable table, SourceRow row)
        {
            Tables.Add(table);
            var sink = new Sink();
            rules.ForTable(table).Evaluate(row, sink);
            var json = System.Text.Json.JsonElement.Parse(Assert.Single(sink.Rows));
            var values = json.EnumerateObject().Select(member => member.Value.ToString()).ToArray();
            _rows[values[0]] = values;
        }
    }

    private sealed class Sink : IRowSink
    {
        public List<string> Rows { get; } = [];

        public void Row(ReadOnlySpan<byte> type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> json) => Rows.Add(Encoding.UTF8.GetString(json));

        public void Bucket(ReadOnlySpan<byte> name)
        {
        }

        public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record)
        {
        }

        public void Error(RowError error) => throw new InvalidOperationException(error.ToString());
    }
}

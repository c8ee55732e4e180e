using System.Globalization;
using System.Text.Json.Nodes;
using TopGun.Buckets.Backend;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Torture.Checks;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>The app that is tortured: its tables, its rules, who may write what, and what each user should have, in SQL and without the rules.</summary>
internal static class TortureApp
{
    public const int Rooms = 6;
    public const int SheetRows = 40;

    /// <summary>Columns of all tables, as a device reads them: one JSON array for each row, in one snapshot.</summary>
    public const string ReadAll =
        """
        SELECT json_array('heads', id, seq, seen) FROM heads
        UNION ALL SELECT json_array('twins', id, seq) FROM twins
        UNION ALL SELECT json_array('sheet', id, value) FROM sheet
        UNION ALL SELECT json_array('members', id, room, user_id) FROM members
        UNION ALL SELECT json_array('items', id, room, text, n) FROM items
        UNION ALL SELECT json_array('checkpoint', coalesce(value, 0)) FROM tg_meta WHERE key = 'published'
        """;

    /// <summary>The same, as Postgres has it for one user, $1.</summary>
    public const string Expected =
        """
        WITH mine AS (SELECT room FROM members WHERE user_id = $1)
        SELECT json_build_array('heads', id, seq, seen) FROM heads
        UNION ALL SELECT json_build_array('twins', id, seq) FROM twins
        UNION ALL SELECT json_build_array('sheet', id, value) FROM sheet
        UNION ALL SELECT json_build_array('members', id, room, user_id) FROM members WHERE user_id = $1
        UNION ALL SELECT json_build_array('items', id, room, text, n) FROM items WHERE room IN (SELECT room FROM mine)
        """;

    /// <summary>All that Postgres has of what writers count.</summary>
    public const string ReadSource =
        """
        SELECT json_build_array('heads', id, seq, seen) FROM heads
        UNION ALL SELECT json_build_array('twins', id, seq) FROM twins
        UNION ALL SELECT json_build_array('sheet', id, value) FROM sheet
        """;

    private const string Tables =
        """
        CREATE TABLE heads (id text PRIMARY KEY, seq bigint NOT NULL, seen text NOT NULL);
        CREATE TABLE twins (id text PRIMARY KEY, seq bigint NOT NULL);
        CREATE TABLE sheet (id text PRIMARY KEY, half text NOT NULL, value bigint NOT NULL);
        CREATE TABLE members (id text PRIMARY KEY, room text NOT NULL, user_id text NOT NULL, UNIQUE (room, user_id));
        CREATE TABLE items (id text PRIMARY KEY, room text NOT NULL, text text NOT NULL, n bigint NOT NULL);
        CREATE TABLE effects (number bigserial PRIMARY KEY, writer text NOT NULL, seq bigint NOT NULL);
        CREATE FUNCTION note_effect() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO effects (writer, seq) VALUES (NEW.id, NEW.seq); RETURN NULL; END $$;
        CREATE TRIGGER note_effect AFTER UPDATE ON heads FOR EACH ROW EXECUTE FUNCTION note_effect();
        """;

    private const string IsMember = "EXISTS (SELECT 1 FROM members m WHERE m.room = r.room AND m.user_id = @user)";

    private static readonly Dictionary<string, string[]> Columns = new(StringComparer.Ordinal)
    {
        ["heads"] = ["seq"], // what a head saw is compared nowhere
        ["twins"] = ["seq"],
        ["sheet"] = ["value"],
        ["members"] = ["room", "user_id"],
        ["items"] = ["room", "text", "n"],
    };

    /// <summary>Tables that devices may write to.</summary>
    public static readonly UploadTable[] Uploads =
    [
        new("heads", "seq", "seen") { Permission = "true" },
        new("twins", "seq") { Permission = "true" },
        new("items", "room", "text", "n") { Permission = IsMember },
    ];

    /// <summary>Rules of which each gives everybody the same rows, in partly other buckets.</summary>
    public static readonly string[] Rules = [RulesWith("twins", "rooms"), RulesWith("pairs", "rooms"), RulesWith("twins", "places")];

    /// <summary>Statements that make the tables, with a head for each writer.</summary>
    public static string Schema(IEnumerable<string> writers, IEnumerable<string> users) => string.Create(CultureInfo.InvariantCulture,
        $"""
        {Tables}
        INSERT INTO heads SELECT id, 0, '{"{}"}' FROM unnest(ARRAY[{Quoted(writers)}]) id;
        INSERT INTO twins SELECT id, 0 FROM heads;
        INSERT INTO sheet SELECT 'row-' || n, CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END, 0 FROM generate_series(1, {SheetRows}) n;
        INSERT INTO members SELECT user_id || '-room-' || n, 'room-' || n, user_id FROM unnest(ARRAY[{Quoted(users)}]) user_id, generate_series(1, {Rooms}, 2) n;
        INSERT INTO items SELECT 'item-' || n, 'room-' || 1 + n % {Rooms}, 'first', 1 FROM generate_series(1, 60) n;
        """);

    /// <summary>One transaction of a writer at the source: its head and twin, and now and then more.</summary>
    public static string SourceTransaction(string writer, Random random, IReadOnlyList<string> users)
    {
        var statements = new List<string> { Mark(writer) };
        if (writer == "source-0" && random.Next(4) == 0)
            statements.Add("UPDATE sheet SET value = value + 1");
        if (random.Next(2) == 0)
            statements.Add(ItemChange(random, string.Create(CultureInfo.InvariantCulture, $"'room-{1 + random.Next(Rooms)}'")));
        if (random.Next(6) == 0)
            statements.Add(MembershipChange(random, users[random.Next(users.Count)]));
        return string.Join(";\n", statements);
    }

    /// <summary>A transaction that can be waited for.</summary>
    public static string Mark(string writer) =>
        $"""
        UPDATE heads SET seq = seq + 1, seen = (SELECT json_object_agg(id, seq)::text FROM heads) WHERE id = '{writer}';
        UPDATE twins SET seq = seq + 1 WHERE id = '{writer}'
        """;

    /// <summary>What a client at the level of protocol lines has, in the form of <see cref="ShownState.Rows"/>.</summary>
    public static SortedSet<string> RowsOf(ClientView view) => new(
        view.Rows.Select(row => string.Join('|', Columns[row.Type].Select(column => row[column]).Prepend(row.Id).Prepend(row.Type))),
        StringComparer.Ordinal);

    /// <summary>One transaction of a device, as its statements.</summary>
    public static JsonArray DeviceTransaction(string writer, Random random) => random.Next(3) > 0
        ? new JsonArray(
            Statement("UPDATE heads SET seq = seq + 1, seen = (SELECT json_group_object(id, seq) FROM heads) WHERE id = ?", writer),
            Statement("UPDATE twins SET seq = seq + 1 WHERE id = ?", writer))
        : new JsonArray(Statement(ItemChange(random, "(SELECT room FROM members ORDER BY random() LIMIT 1)", "FROM members LIMIT 1")));

    private static string ItemChange(Random random, string room, string where = "")
    {
        var id = $"{random.NextInt64():x}";
        return random.Next(5) switch
        {
            0 or 1 => $"INSERT INTO items (id, room, text, n) SELECT '{id}', {room}, 'new {id}', 1 {where}",
            2 => $"UPDATE items SET text = 'changed {id}', n = n + 1 WHERE id IN (SELECT id FROM items ORDER BY random() LIMIT 1)",
            3 when where.Length == 0 => $"UPDATE items SET room = {room} WHERE id IN (SELECT id FROM items ORDER BY random() LIMIT 1)",
            3 => $"UPDATE items SET room = coalesce({room}, room) WHERE id IN (SELECT id FROM items ORDER BY random() LIMIT 1)",
            _ => "DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY random() LIMIT 1)",
        };
    }

    private static string MembershipChange(Random random, string user)
    {
        var room = string.Create(CultureInfo.InvariantCulture, $"room-{1 + random.Next(Rooms)}");
        return random.Next(2) == 0
            ? $"DELETE FROM members WHERE user_id = '{user}' AND room = '{room}'"
            : $"INSERT INTO members VALUES ('{user}-{room}', '{room}', '{user}') ON CONFLICT DO NOTHING";
    }

    private static string RulesWith(string twins, string rooms) =>
        $"""
        bucket_definitions:
          heads:
            data: ["SELECT id, seq, seen FROM heads"]
          {twins}:
            data: ["SELECT id, seq FROM twins"]
          sheet_even:
            data: ["SELECT id, value FROM sheet WHERE half = 'even'"]
          sheet_odd:
            data: ["SELECT id, value FROM sheet WHERE half = 'odd'"]
          mine:
            parameters: SELECT request.user_id() AS user_id
            data: ["SELECT id, room, user_id FROM members WHERE user_id = bucket.user_id"]
          {rooms}:
            parameters: SELECT room FROM members WHERE user_id = request.user_id()
            data: ["SELECT id, room, text, n FROM items WHERE room = bucket.room"]

        """;

    private static JsonObject Statement(string sql, params string[] parameters) =>
        new() { ["sql"] = sql, ["parameters"] = new JsonArray([.. parameters.Select(parameter => (JsonNode)parameter)]) };

    private static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));
}

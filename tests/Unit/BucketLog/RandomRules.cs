using System.Text;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>
/// Rules files over the tables of <see cref="RandomSource"/>: some of a handful of definitions, each in one of its forms. All of them read both tables,
/// as there is no source here that could be asked for rows that were not stored.
/// </summary>
internal static class RandomRules
{
    private static readonly (string Name, string[] Forms)[] Definitions =
    [
        ("everything", ["data: [SELECT * FROM todos]", "data: [\"SELECT id, list_id FROM todos\", SELECT * FROM lists]"]),
        (
            "by_list",
            [
                // The second gives the buckets of the first to others; the third other buckets to the same.
                "{parameters: \"SELECT id AS list FROM lists WHERE owner = request.user_id()\", data: [\"SELECT * FROM todos WHERE list_id = bucket.list\"]}",
                "{parameters: \"SELECT id AS list FROM lists WHERE id = request.user_id()\", data: [\"SELECT * FROM todos WHERE list_id = bucket.list\"]}",
                "{parameters: \"SELECT id AS list FROM lists WHERE owner = request.user_id()\", data: [\"SELECT id, text FROM todos WHERE list_id = bucket.list\"]}",
            ]),
        ("shown", ["data: [\"SELECT * FROM todos WHERE text != 'hidden'\"]", "data: [\"SELECT * FROM todos WHERE text = 'hidden'\"]"]),
        (
            "noted",
            [
                "{parameters: SELECT request.user_id() AS who, data: [\"SELECT id, note FROM todos WHERE note = bucket.who\"]}",
                "{priority: 1, parameters: SELECT request.user_id() AS who, data: [\"SELECT id, note FROM todos WHERE note = bucket.who\"]}",
            ]),
        ("lists", ["data: [SELECT * FROM lists]"]),
    ];

    public static string Make(Random random)
    {
        var rules = new StringBuilder(
            "bucket_definitions:\n  none: {data: [SELECT id FROM todos WHERE id = 'none', SELECT id FROM lists WHERE id = 'none']}\n");
        foreach (var (name, forms) in Definitions.OrderBy(_ => random.Next()))
        {
            if (random.Next(2) == 0)
                continue;
            var form = forms[random.Next(forms.Length)];
            rules.Append("  ").Append(name).Append(": ").Append(form.StartsWith('{') ? form : $"{{{form}}}").Append('\n');
        }
        return rules.ToString();
    }
}

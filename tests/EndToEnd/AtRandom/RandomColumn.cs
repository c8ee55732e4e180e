using System.Globalization;

namespace TopGun.Buckets.Tests.EndToEnd.AtRandom;

/// <summary>A column, how its values are made, and what clients are shown of them: written down here once more, apart from the service.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type in SQL.</param>
/// <param name="Shown">SQL for what a client is shown, with <c>{0}</c> for the column; null stays null.</param>
/// <param name="Value">Makes a constant.</param>
internal sealed record RandomColumn(string Name, string Type, string Shown, Func<Random, string> Value)
{
    private static readonly (string Type, string Shown, Func<Random, string> Value)[] Kinds =
    [
        ("int", "{0}::text", random => Number(random.Next(-1000, 1000))),
        ("bigint", "{0}::text", random => Number(random.NextInt64())),
        ("bool", "{0}::int::text", random => random.Next(2) == 0 ? "true" : "false"),
        ("text", "{0}", random => $"'te''xt {random.Next(1000)} ü'"),
        ("numeric", "{0}::text", random => $"{random.Next(1000)}.{random.Next(10)}0"),
        ("float8", "{0}::text", random => $"{random.Next(1000)}.5"),
        ("uuid", "{0}::text", random => $"'{new Guid(random.Next(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}'"),
        ("jsonb", "{0}::text", random => $$"""'{"b": [{{random.Next(9)}}, null],  "a": "x"}'"""),
        ("date", "{0}::text", random => $"date '2020-01-01' + {random.Next(9000)}"),
        ("timestamptz", "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || 'Z'", random => $"timestamptz '2020-01-01 00:00+03' + {random.Next(9000)} * interval '61 s'"),
        ("mood", "{0}::text", random => $"(enum_range(NULL::mood))[{random.Next(1, 4)}]"),
    ];

    /// <summary>Long enough to be stored apart from its row, so that the stream leaves it out when it did not change.</summary>
    public static RandomColumn Large(string name) => new(
        name, "text", "{0}", random => $"(SELECT string_agg(md5(i::text || '{random.Next()}'), '') FROM generate_series(1, 120) i)");

    public static RandomColumn Text(string name, Func<Random, string> value) => new(name, "text", "{0}", value);

    public static RandomColumn Integer(string name, Func<Random, int> value) => new(name, "int", "{0}::text", random => Number(value(random)));

    public static RandomColumn OfAnyType(string name, Random random)
    {
        var (type, shown, value) = Kinds[random.Next(Kinds.Length)];
        return new RandomColumn(name, type, shown, value);
    }

    /// <summary>A value, now and then null.</summary>
    public string ValueOrNull(Random random) => random.Next(6) == 0 ? "NULL" : Value(random);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}

using System.Text;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>JSON that was compacted once is taken as it is from then on, which is right as long as compacting it again changes nothing.</summary>
public sealed class CompactJsonTests
{
    private static readonly string[] Scalars =
    [
        "null", "true", "false", "0", "-0", "1", "-1.0", "1.50", "1e2", "1E+400", "-1e-400", "1e21", "0.1e-6", "9007199254740993",
        "9223372036854775807", "9223372036854775808", "5e-324", "123456789012345678.25", "\"\"", "\"a b\"", "\"\\u0041\\/\\\\\"", "\"\\u001f\\n\\u007f\"",
        "\"\\ud83d\\ude00é\"", "\"\\ud800\"", "\"\\\"[1, 2]\"",
    ];

    [Fact]
    public void Compacting_twice_is_compacting_once()
    {
        foreach (var seed in PropertyRun.Seeds(2000))
        {
            var random = new Random(seed);
            var json = new StringBuilder();
            Write(json, random, depth: 4);

            foreach (var allReal in new[] { false, true })
            {
                var once = Compact(json.ToString(), allReal);

                Assert.True(once == Compact(once, allReal: false), $"seed {seed}: {json} became {once}");
            }
        }
    }

    private static string Compact(string json, bool allReal) =>
        Encoding.UTF8.GetString(JsonReading.Compact(Encoding.UTF8.GetBytes(json), allReal, new Scratch()).Span);

    private static void Write(StringBuilder json, Random random, int depth)
    {
        var blank = random.Next(3) == 0 ? " \n" : "";
        var kind = depth == 0 ? 0 : random.Next(3);
        if (kind == 0)
        {
            json.Append(blank).Append(Scalars[random.Next(Scalars.Length)]).Append(blank);
            return;
        }
        json.Append(kind == 1 ? '[' : '{');
        for (var member = random.Next(4); member > 0; member--)
        {
            if (kind == 2)
                json.Append(blank).Append("\"k\\u00e9").Append(member).Append("\" :");
            Write(json, random, depth - 1);
            if (member > 1)
                json.Append(blank).Append(',');
        }
        json.Append(blank).Append(kind == 1 ? ']' : '}');
    }
}

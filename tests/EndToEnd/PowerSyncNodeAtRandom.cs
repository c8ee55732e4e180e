using System.Globalization;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// The published <c>@powersync/node</c> package through connections that come and go over each transport, memberships that are granted and revoked,
/// writes on both sides, priorities, and buckets that are compacted under it: whenever all is quiet, its tables are what the source says. Every byte that
/// the service sends it is searched for what its user may not have.
/// </summary>
/// <remarks>TOPGUN_TEST_SEED repeats one seed, TOPGUN_TEST_RANDOM_ROUNDS makes it go on for longer.</remarks>
public class PowerSyncNodeAtRandom
{
    private const string Rules = """
        bucket_definitions:
          lists:
            priority: 1
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id()
            data:
              - SELECT id, owner_id, name, created_at FROM lists WHERE id = bucket.list_id
              - SELECT id, list_id, user_id FROM members WHERE list_id = bucket.list_id
          todos:
            priority: 2
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id()
            data:
              - SELECT id, list_id, title, done, created_by FROM todos WHERE list_id = bucket.list_id
        """;

    public static TheoryData<int> Seeds => Number("TOPGUN_TEST_SEED") is { } seed ? [seed] : [1, 2, 3];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Its_tables_are_those_of_the_source_whatever_happened_on_the_way(int seed)
    {
        InteropScript.SkipWithoutPackages();
        await using var demo = await DemoService.StartAsync(Rules);

        var output = await InteropScript.RunAsync("random.mjs", demo, Options(seed, Number("TOPGUN_TEST_RANDOM_ROUNDS") ?? 10));

        foreach (var what in (string[])["grants", "revocations", "connections", "localWrites", "hotWrites", "marksRead"])
            Assert.DoesNotContain($"\"{what}\":0", output, StringComparison.Ordinal); // or the seed has shown nothing
        await Patience.UntilAsync(() => IsCompactedAsync(demo), "what was overwritten again and again is compacted");
    }

    /// <summary>Rules that show everybody the titles of all todos: what looks for leaks would see one.</summary>
    [Fact]
    public async Task A_leak_is_seen_in_what_is_sent()
    {
        InteropScript.SkipWithoutPackages();
        await using var demo = await DemoService.StartAsync(Rules + """

              too_much:
                data:
                  - SELECT id, title FROM todos
            """);

        var output = await InteropScript.FailAsync("random.mjs", demo, Options(seed: 1, rounds: 1));

        Assert.Contains($"the user, who never had the list, does not receive mark:{DemoService.BobsList}:", output, StringComparison.Ordinal);
    }

    private static Dictionary<string, object> Options(int seed, int rounds) => new()
    {
        ["lists"] = new[] { DemoService.SharedList, DemoService.AnnsList, DemoService.BobsList },
        ["mine"] = new[] { DemoService.SharedList, DemoService.AnnsList },
        ["seed"] = seed,
        ["rounds"] = rounds,
    };

    private static async Task<bool> IsCompactedAsync(DemoService demo)
    {
        await using var fresh = new ProtocolClient(demo.Process.Url, "bob");
        using var response = await fresh.OpenStreamAsync(TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var isCompacted = false;
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal))
            isCompacted |= line.Contains("\"op\":\"CLEAR\"", StringComparison.Ordinal) || line.Contains("\"op\":\"MOVE\"", StringComparison.Ordinal);
        return isCompacted;
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}

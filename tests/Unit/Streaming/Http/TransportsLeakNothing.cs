using System.Globalization;
using System.Text.RegularExpressions;
using TopGun.Buckets.Tests.Unit.Grid;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>
/// Every row carries a mark of its bucket, memberships come and go at random, and every byte that a user receives is looked through for marks: those of
/// buckets that the user had meanwhile and no others, and of a bucket that was lost nothing that was written after the loss.
/// </summary>
public partial class TransportsLeakNothing
{
    private const int Rounds = 30;
    private const int Buckets = 8;

    public static TheoryData<string> Transports => [.. WireUnderTest.Transports];

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task A_user_receives_no_byte_of_a_row_of_others(string transport)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.LooksUpUsers = true;
        server.Rules.Fixed.Add(("common[]", 3)); // comes last
        var users = new[] { new Member("ann"), new Member("bob"), new Member("carol") };
        foreach (var user in users)
            user.Wire = await WireUnderTest.OpenAsync(server, transport, TestToken.Valid(subject: user.Name));

        for (var round = 1; round <= Rounds; round++)
        {
            foreach (var user in users)
                user.BeginRound();
            for (var change = random.Next(1, 15); change > 0; change--)
                Change(server.Log, users, random);
            server.Log.Put("common[]", "end", $$"""{"text":"end:{{round}};"}""");

            foreach (var user in users)
                user.Check(await user.Wire!.ReadUntilAsync($"end:{round};"), $"{transport}, seed {seed}, round {round}, {user.Name}");
        }

        Assert.All(users, static user => Assert.NotEqual(0, user.MarksSeen));
        foreach (var user in users)
            await user.Wire!.DisposeAsync();
    }

    private static void Change(TestLog log, Member[] users, Random random)
    {
        var (user, bucket) = (users[random.Next(users.Length)], random.Next(Buckets));
        switch (random.Next(4))
        {
            case 0 when user.Has(bucket):
                log.Begin().Lookup($"of:{user.Name}", $"e{bucket}", record: null).Commit();
                user.Lose(bucket, log.LastOpId.Value);
                break;
            case 0:
                log.Begin().Lookup($"of:{user.Name}", $"e{bucket}", $"b[{bucket}]!1").Commit();
                user.Gain(bucket);
                break;
            default:
                log.Put($"b[{bucket}]", $"t{random.Next(5)}", $$"""{"text":"taint:{{bucket}}:{{log.LastOpId.Value + 1}};"}""");
                break;
        }
    }

    [GeneratedRegex(@"taint:(\d+):(\d+);")]
    private static partial Regex Mark();

    /// <summary>One user, and what may reach the user.</summary>
    private sealed class Member(string name)
    {
        private readonly HashSet<int> _has = [];
        private readonly HashSet<int> _hadInRound = [];
        private readonly Dictionary<int, ulong> _lostAt = [];

        public string Name => name;

        public WireUnderTest? Wire { get; set; }

        public int MarksSeen { get; private set; }

        public bool Has(int bucket) => _has.Contains(bucket);

        public void BeginRound()
        {
            _hadInRound.Clear();
            _hadInRound.UnionWith(_has);
        }

        public void Gain(int bucket)
        {
            _has.Add(bucket);
            _hadInRound.Add(bucket);
        }

        public void Lose(int bucket, ulong opId)
        {
            _has.Remove(bucket);
            _lostAt[bucket] = opId;
        }

        public void Check(string received, string place)
        {
            foreach (Match mark in Mark().Matches(received))
            {
                var bucket = int.Parse(mark.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                var opId = ulong.Parse(mark.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                Assert.True(_hadInRound.Contains(bucket), $"{place}: {mark.Value} of a bucket that the user did not have.");
                Assert.True(_has.Contains(bucket) || opId <= _lostAt[bucket], $"{place}: {mark.Value} was written after the bucket was lost at {_lostAt.GetValueOrDefault(bucket)}.");
                MarksSeen++;
            }
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using TopGun.Buckets.Tests.EndToEnd.AtRandom;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// Random tables of every identity, with partitions, random transactions, changes of the tables, lost connections and killed services: whatever a client
/// shows at any checkpoint is what the rules make of the database as it was after one of its transactions.
/// </summary>
/// <remarks>TOPGUN_TEST_RANDOM_SECONDS lets fresh seeds run for so long; TOPGUN_TEST_SEED repeats one.</remarks>
public class SourceAtRandom
{
    private const int Rounds = 6;
    private const int StepsInRound = 12;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public Task Every_checkpoint_is_the_state_after_a_transaction(int seed) => RunAsync(seed);

    [Fact]
    public async Task Every_checkpoint_of_fresh_seeds_is_the_state_after_a_transaction()
    {
        var seconds = Number("TOPGUN_TEST_RANDOM_SECONDS");
        Assert.SkipWhen(seconds is null, "Set TOPGUN_TEST_RANDOM_SECONDS to let fresh seeds run for so long.");
        var started = Stopwatch.GetTimestamp();
        for (var seed = Number("TOPGUN_TEST_SEED") ?? Environment.TickCount; Stopwatch.GetElapsedTime(started).TotalSeconds < seconds; seed++)
            await RunAsync(seed);
    }

    private static async Task RunAsync(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"TOPGUN_TEST_SEED={seed}");
        var random = new Random(seed);
        await using var database = await PostgresDatabase.CreateAsync();
        await using var source = await RandomSource.CreateAsync(database, random);
        await using var service = new ServiceProcess(database.ConnectionString, source.Rules);
        await source.WriteAsync();
        await service.StartAsync();
        var clients = new List<WatchedClient>();
        try
        {
            clients.AddRange(RandomSource.Users.Select(user => new WatchedClient(service.Url, user, source)));
            for (var round = 0; round < Rounds; round++)
            {
                for (var step = 0; step < StepsInRound; step++)
                    await source.WriteAsync();
                await DisturbAsync(source, service, random);
                foreach (var client in clients)
                    await client.SettleAsync($"seed {seed}, round {round}");
            }
            await source.VerifyAsync();
        }
        catch
        {
            foreach (var statement in source.Statements)
                TestContext.Current.TestOutputHelper?.WriteLine(statement);
            TestContext.Current.TestOutputHelper?.WriteLine(service.Log);
            throw;
        }
        finally
        {
            foreach (var client in clients)
                await client.DisposeAsync();
        }
    }

    private static async Task DisturbAsync(RandomSource source, ServiceProcess service, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                await service.KillAsync();
                await source.WriteAsync();
                await service.StartAsync();
                break;
            case 1:
                Assert.Equal(0, await service.StopAsync());
                await source.WriteSilentlyAsync();
                await service.StartAsync();
                break;
            case 2:
                await source.WriteSilentlyAsync();
                await source.DisconnectServiceAsync();
                break;
            default:
                await source.DisconnectServiceAsync();
                await source.WriteAsync();
                break;
        }
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>A client whose every completed checkpoint is looked at.</summary>
    private sealed class WatchedClient : IAsyncDisposable
    {
        private readonly RandomSource _source;
        private readonly ProtocolClient _client;
        private readonly Queue<ClientView> _unchecked = [];
        private readonly Lock _gate = new();

        public WatchedClient(Uri service, string user, RandomSource source)
        {
            _source = source;
            _client = new ProtocolClient(service, user)
            {
                Completed = view =>
                {
                    lock (_gate)
                        _unchecked.Enqueue(view);
                },
            };
            _client.Start();
        }

        /// <summary>Waits until the last transaction is shown, as it should be, and looks at all that was shown before.</summary>
        public async Task SettleAsync(string where)
        {
            string? difference = null;
            try
            {
                await _client.WaitAsync(IsSettled, string.Create(CultureInfo.InvariantCulture, $"the state after transaction {_source.Clock}"));
            }
            catch (Xunit.Sdk.XunitException failure)
            {
                Assert.Fail($"{where}: {failure.Message} {difference}");
            }
            while (Take() is { } view)
            {
                difference = _source.FindDifference(_client.User, view);
                Assert.True(difference is null, $"{where}: {difference}");
            }

            bool IsSettled(ClientView view)
            {
                difference = _source.FindDifference(_client.User, view, isSettled: true);
                return difference is null && RandomSource.ClockOf(view) == _source.Clock;
            }
        }

        public ValueTask DisposeAsync() => _client.DisposeAsync();

        private ClientView? Take()
        {
            lock (_gate)
                return _unchecked.TryDequeue(out var view) ? view : null;
        }
    }
}

using System.Globalization;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// SIGKILL at random moments under write load: whatever was visible stays true, nothing comes twice, and in the end every client is equal to Postgres.
/// </summary>
public abstract class ServiceKilled // its classes run beside each other
{
    private const int TransactionsPerStart = 200; // enough to be written while a start goes on, and few enough to be caught up with on a busy machine

    private static readonly string[] Users = ["ann", "bob", "ann", "bob"];

    protected static async Task RunAsync(string store, string publish, int kills)
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        await using var demo = store == "postgres"
            ? await DemoService.StartWithPostgresStoreAsync(settings: ("TOPGUN_PUBLISH", publish))
            : await DemoService.StartAsync(("TOPGUN_PUBLISH", publish));
        var history = new OpHistory();
        var clients = Users.Select(user => demo.Connect(user, history)).ToList();
        await using var reader = store == "postgres" ? demo.CreateReader() : null;
        if (reader is not null)
        {
            // Clients of another process, which is not killed, see the same under the same ids.
            await reader.StartAsync();
            clients.AddRange(Users.Distinct().Select(user => demo.Connect(user, history, reader)));
        }
        foreach (var client in clients)
            await client.WaitForAsync("todos", "title", "Milk");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var load = new WriteLoad(demo.Database, random.Next());
        var writing = load.RunAsync(stop.Token);
        for (var kill = 0; kill < kills; kill++)
        {
            load.Allow(TransactionsPerStart);
            if (random.Next(2) == 0)
            {
                // Something that was seen, and may not be durable yet, has to come again as it was.
                var seen = (await clients[0].WaitAsync(_ => true, "a checkpoint")).LastOpId;
                await clients[0].WaitAsync(view => view.LastOpId > seen, $"a checkpoint after {seen}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 400)), TestContext.Current.CancellationToken);
            await demo.Process.KillAsync();
            load.Allow(TransactionsPerStart);
            if (random.Next(4) == 0)
            {
                // Again while it is recovering.
                demo.Process.Launch();
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 400)), TestContext.Current.CancellationToken);
                await demo.Process.KillAsync();
            }
            await demo.Process.StartAsync();
        }
        await stop.CancelAsync();
        var transactions = await writing;

        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'the end', 'ann')");
        foreach (var client in clients)
        {
            var view = await client.WaitForAsync("todos", "title", "the end");
            Assert.Equal(await demo.ExpectedAsync(client.User), DemoService.Shown(view));
            Assert.True(client.Violations.Count == 0, string.Join('\n', client.Violations)); // in full: the collection's own print is cut short
            Assert.Equal(0, client.DroppedBuckets);
        }
        var fresh = await demo.Connect("ann", history).WaitForAsync("todos", "title", "the end");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(fresh));
        Assert.True(transactions > kills, $"Only {transactions} transactions were written.");
    }

    /// <summary>Inserts, updates, moves and deletes todos in transactions of random size, as fast as Postgres takes them and as many as are allowed.</summary>
    private sealed class WriteLoad(PostgresDatabase database, int seed) : IDisposable
    {
        private readonly Random _random = new(seed);
        private readonly SemaphoreSlim _allowed = new(0);

        public void Allow(int transactions) => _allowed.Release(transactions);

        public async Task<int> RunAsync(CancellationToken cancellationToken)
        {
            await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
            for (var written = 0; ; written++)
            {
                try
                {
                    await _allowed.WaitAsync(cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    return written;
                }
                await using var command = new NpgsqlCommand(Statement(written), connection);
                await command.ExecuteNonQueryAsync(CancellationToken.None);
                await Task.Yield();
            }
        }

        public void Dispose() => _allowed.Dispose();

        private string Statement(int number)
        {
            var list = $"a0000000-0000-4000-8000-00000000000{_random.Next(1, 4)}";
            var count = _random.Next(10) == 0 ? 50 : _random.Next(1, 4);
            return _random.Next(10) switch
            {
                < 4 => $"""
                    INSERT INTO todos (id, list_id, title, created_by)
                    SELECT gen_random_uuid(), '{list}', 'n{number}-' || n, 'load' FROM generate_series(1, {count}) n
                    """,
                < 7 => $"UPDATE todos SET title = 'u{number}', done = NOT done WHERE id IN ({Some(count)})",
                < 8 => $"UPDATE todos SET list_id = '{list}' WHERE id IN ({Some(count)})",
                < 9 => $"UPDATE lists SET name = 'l{number}' WHERE id = '{list}'",
                _ => $"DELETE FROM todos WHERE id IN ({Some(count)})",
            };
        }

        // A cheap random choice: the rows next to a random id. Rows made by the schema stay.
        private string Some(int count) =>
            $"SELECT id FROM todos WHERE created_by = 'load' AND id >= '{Guid(_random)}' ORDER BY id LIMIT {count}";

        private static Guid Guid(Random random)
        {
            Span<byte> bytes = stackalloc byte[16];
            random.NextBytes(bytes);
            return new Guid(bytes);
        }
    }
}

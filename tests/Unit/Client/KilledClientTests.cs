using SQLitePCL;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class KilledClientTests
{
    [Fact]
    public void A_client_killed_at_any_moment_continues_without_losing_or_repeating_a_write()
    {
        foreach (var seed in Seeds.Of(40))
            new Scenario(seed).Run();
    }

    [Fact]
    public void An_abandoned_client_leaves_a_file_that_another_continues() => VirtualRun.Run(async time =>
    {
        using var folder = new ScratchFolder();
        var service = new ModelService(seed: 1);
        service.Change("r1", "remote");
        var first = await OpenAsync(folder.Database, service.Connect(), time, seed: 1);
        await first.ConnectAsync(ClientCalls.Now);
        await first.SyncedAsync();
        var writing = first.WriteTransactionAsync(
            async transaction =>
            {
                await transaction.RunAsync("INSERT INTO todos(id) VALUES('half')");
                await Task.Delay(TimeSpan.FromMinutes(1), time, ClientCalls.Now);
            },
            ClientCalls.Now);

        first.Abandon();

        await using var second = await OpenAsync(folder.Database, service.Connect(), time, seed: 1);
        await second.RunAsync("INSERT INTO todos(id, title) VALUES('w2', 'mine')");
        await second.ConnectAsync(ClientCalls.Now);
        await second.UntilAsync(status => status is { PendingUploads: 0, BlockedBy: BlockedBy.Nothing, Connected: true });
        await Assert.ThrowsAnyAsync<ObjectDisposedException>(() => writing);
        Assert.Equal("r1=remote w2=mine", await Todos.RowsAsync(second));
        await first.DisposeAsync();
    });

    private static Task<BucketsClient> OpenAsync(string path, ModelService.Link link, ManualTime time, int seed, LocalSchema? schema = null) => BucketsClient.OpenAsync(
        new BucketsClientOptions
        {
            DatabasePath = path,
            Schema = schema ?? Todos.SchemaOf(seed),
            Credentials = CredentialsFrom.Token("token"),
            Transport = link,
            Upload = link,
            TimeProvider = time,
            Random = new Random(7),
            ReadTimeout = TimeSpan.FromDays(1),
            Bulk = seed % 2 == 0 ? ApplierBench.Bulk : BulkLimits.Default, // also killed anywhere in a first download
            NewExecution = () => new InlineExecution(),
            OtherProcessesPoll = Timeout.InfiniteTimeSpan,
        },
        ClientCalls.Now);

    /// <summary>
    /// Random traffic; at a random instruction inside SQLite the files are copied, which is what a kill leaves, and the service stops hearing
    /// the first client. A second one opens the copy and must end equal to the service.
    /// </summary>
    private sealed class Scenario(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly ModelService _service = new(seed);
        private readonly SortedSet<string> _committed = new(StringComparer.Ordinal);
        private int _writes;

        public void Run() => VirtualRun.Run(async time =>
        {
            using var folder = new ScratchFolder();
            var copy = await LiveAsync(folder, time);
            await RecoverAsync(folder, copy, time);
        });

        private async Task<string> LiveAsync(ScratchFolder folder, ManualTime time)
        {
            var link = _service.Connect();
            await using var client = await OpenAsync(folder.Database, link, time, seed);
            string? copy = null;
            var countdown = _random.Next(1, 3000);
            delegate_progress kill = _ =>
            {
                if (copy is null && --countdown == 0)
                {
                    copy = folder.CopyAsKilled("killed.db");
                    link.Dead = true;
                }
                return 0;
            };
            await (await client.LocalAsync()).OnWriterAsync(database =>
            {
                raw.sqlite3_progress_handler(database.Handle, 20, kill, null);
                return true;
            });
            await client.ConnectAsync(ClientCalls.Now);
            for (var step = 0; copy is null && step < 400; step++)
            {
                await StepAsync(client, link, time);
                if (copy is null && _writes > 0)
                    _committed.Add($"w{_writes}"); // the app was told that it is committed
            }
            link.Dead = true;
            GC.KeepAlive(kill);
            return copy ?? folder.CopyAsKilled("killed.db");
        }

        private async Task StepAsync(BucketsClient client, ModelService.Link link, ManualTime time)
        {
            switch (_random.Next(7))
            {
                case 0 or 1:
                    var write = _writes + 1;
                    await client.TransactAsync(async transaction =>
                    {
                        await transaction.RunAsync("INSERT INTO todos(id, title) VALUES(?, ?)", $"w{write}", $"local {write}");
                        await transaction.RunAsync("UPDATE todos SET title = title || '!' WHERE id = (SELECT min(id) FROM todos)");
                    });
                    _writes = write;
                    break;
                case 2 or 3:
                    _service.Change($"r{_random.Next(10)}", _random.Next(4) == 0 ? null : $"remote {_random.Next(100)}");
                    await link.PushAsync();
                    break;
                case 4:
                    await link.CutAsync();
                    break;
                default:
                    await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(2000)), time, ClientCalls.Now);
                    break;
            }
        }

        private async Task RecoverAsync(ScratchFolder folder, string path, ManualTime time)
        {
            var link = _service.Connect();
            // The app may have been updated in between, to another form of the table.
            await using var client = await OpenAsync(path, link, time, seed, seed % 5 == 0 ? Todos.OtherSchemaOf(seed) : null);
            Assert.Equal("ok", Assert.Single(await client.TextsAsync("PRAGMA integrity_check")));
            await client.ConnectAsync(ClientCalls.Now);
            await client.RunAsync("INSERT INTO todos(id, title) VALUES('after', 'the kill')");

            await client.UntilAsync(status => status is { PendingUploads: 0, BlockedBy: BlockedBy.Nothing, HasSynced: true, Connected: true });
            await link.PushAsync();
            await Task.Delay(TimeSpan.FromSeconds(5), time, ClientCalls.Now);

            Assert.True(_service.Expected == await Todos.RowsAsync(client), $"Seed {seed}: expected {_service.Expected}, found {await Todos.RowsAsync(client)}.");
            foreach (var id in _committed.Append("after"))
                Assert.True(_service.Inserted.GetValueOrDefault(id) == 1, $"Seed {seed}: {id} took effect {_service.Inserted.GetValueOrDefault(id)} times.");
            Assert.DoesNotContain(_service.Inserted, pair => pair.Value > 1);
        }
    }
}

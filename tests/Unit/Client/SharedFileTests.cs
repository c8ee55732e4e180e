using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sharing;
using TopGun.Buckets.Client.Testing;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Several clients have one file open. Each is to the others what another process is: it shares nothing with them but the file.</summary>
public sealed class SharedFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly FakeSyncService _service = new();

    [Fact]
    public async Task One_synchronises_and_what_the_others_write_and_read_goes_through_it()
    {
        await using var leader = await OpenAsync();
        await leader.ConnectAsync(ClientCalls.Now);
        await leader.UntilAsync(status => status.Connected);
        await using var follower = await OpenAsync();
        await follower.ConnectAsync(ClientCalls.Now);
        await follower.UntilAsync(status => status.State == ConnectionState.Following);

        _service.Put("todos", "t1", new JsonObject { ["title"] = "of the service" });
        await SeesAsync(follower, "t1=of the service");
        await follower.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'of the follower')");
        await SeesAsync(leader, "t1=of the service t2=of the follower");
        await follower.UntilAsync(status => status is { HasSynced: true, PendingUploads: 0, BlockedBy: BlockedBy.Nothing });

        Assert.Equal("of the follower", (string?)_service.Find("todos", "t2")!["title"]);
        Assert.Single(_service.Uploaded);
        Assert.Equal(await leader.GetClientIdAsync(ClientCalls.Now), await follower.GetClientIdAsync(ClientCalls.Now));
        Assert.Equal(ConnectionState.Following, follower.Status.State);
    }

    [Fact]
    public async Task When_the_one_that_synchronises_leaves_another_takes_its_place()
    {
        var leader = await OpenAsync();
        await leader.ConnectAsync(ClientCalls.Now);
        await leader.UntilAsync(status => status.Connected);
        await using var follower = await OpenAsync();
        await follower.ConnectAsync(ClientCalls.Now);
        await follower.UntilAsync(status => status.State == ConnectionState.Following);

        await leader.DisposeAsync();

        await follower.UntilAsync(status => status.Connected);
        await follower.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'after it')");
        await follower.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);
        Assert.Equal("after it", (string?)_service.Find("todos", "t1")!["title"]);
    }

    [Fact]
    public async Task A_follower_can_wait_until_it_shows_all_that_is_in_the_source()
    {
        await using var leader = await OpenAsync();
        await leader.ConnectAsync(ClientCalls.Now);
        await leader.UntilAsync(status => status.Connected);
        await using var follower = await OpenAsync();
        await follower.ConnectAsync(ClientCalls.Now);
        await follower.UntilAsync(status => status.State == ConnectionState.Following);

        for (var round = 1; round <= 3; round++)
        {
            _service.Put("todos", "t1", new JsonObject { ["title"] = $"round {round}" });
            await follower.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);
            Assert.Equal($"t1=round {round}", await Todos.RowsAsync(follower));
        }
    }

    [Fact]
    public async Task A_commit_elsewhere_wakes_live_queries_also_one_of_another_tool()
    {
        await using var reading = await OpenAsync();
        await using var writing = await OpenAsync();
        await using var seen = reading.Watch<string>("SELECT title FROM todos WHERE id = 't1'", cancellationToken: ClientCalls.Now).GetAsyncEnumerator(ClientCalls.Now);
        Assert.Empty(await NextAsync(seen));

        await writing.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'of another client')");
        Assert.Equal(["of another client"], await NextAsync(seen));

        using (var tool = new SqliteConnection($"Data Source={_folder.Database};Pooling=False"))
        {
            tool.Open();
            using var command = tool.CreateCommand();
            command.CommandText = "UPDATE todos SET title = 'of a tool'";
            command.ExecuteNonQuery();
        }
        Assert.Equal(["of a tool"], await NextAsync(seen));
        await reading.UntilAsync(status => status.PendingUploads == 2);
    }

    [Fact]
    public async Task A_subscription_made_elsewhere_is_asked_for_as_long_as_it_is_held_there()
    {
        var service = new ScriptedService();
        await using var leader = await BucketsClient.OpenAsync(Todos.Options(_folder) with { Transport = service }, ClientCalls.Now);
        await leader.ConnectAsync(ClientCalls.Now);
        Assert.Equal("", SubscriptionsIn(await service.NextStreamAsync()));
        await using var follower = await BucketsClient.OpenAsync(Todos.Options(_folder) with { Transport = service }, ClientCalls.Now);
        await follower.ConnectAsync(ClientCalls.Now);
        await follower.UntilAsync(status => status.State == ConnectionState.Following);

        var page = await follower.SyncStream("page").SubscribeAsync(TimeSpan.Zero, cancellationToken: ClientCalls.Now);
        Assert.Equal("page", SubscriptionsIn(await service.NextStreamAsync()));
        await page.DisposeAsync();
        Assert.Equal("", SubscriptionsIn(await service.NextStreamAsync()));
    }

    [Fact]
    public async Task What_another_client_synchronises_cannot_be_cleared_away_beneath_it()
    {
        await using var leader = await OpenAsync();
        await leader.ConnectAsync(ClientCalls.Now);
        await leader.UntilAsync(status => status.Connected);
        await using var other = await OpenAsync();
        await other.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'stays')");

        var failure = await Assert.ThrowsAsync<BucketsException>(() => other.DisconnectAndClearAsync(discardPendingWrites: true, cancellationToken: ClientCalls.Now));

        Assert.Equal("TGB6025", failure.Code);
        Assert.Equal("t1=stays", await Todos.RowsAsync(other));
        await leader.DisconnectAsync(ClientCalls.Now);
        await other.DisconnectAndClearAsync(discardPendingWrites: true, cancellationToken: ClientCalls.Now);
        await SeesAsync(leader, "");
    }

    [Fact]
    public async Task A_write_waits_for_the_transaction_of_another_client_and_synchronisation_lets_it_go_first()
    {
        await using var one = await OpenAsync();
        await using var other = await OpenAsync();
        Task<int> waiting = Task.FromResult(0);
        var turn = new WriteTurn((await other.LocalAsync()).File);

        await one.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'first')");
            waiting = other.RunAsync("UPDATE todos SET title = title || ', then second'");
            await Patience.UntilAsync(() => Task.FromResult(IsAskedFor(turn)), "the write asks for its turn");
            Assert.False(waiting.IsCompleted);
        });

        Assert.Equal(1, await waiting);
        Assert.Equal("t1=first, then second", await Todos.RowsAsync(one));
        Assert.False(IsAskedFor(turn));
    }

    [Fact]
    public async Task Synchronisation_steps_aside_while_a_turn_is_asked_for_but_not_for_ever()
    {
        var time = new ManualTime();
        var turn = new WriteTurn(_folder.Database);
        Assert.True(turn.GiveAsync(time, ClientCalls.Now).AsTask().IsCompletedSuccessfully);

        var asked = turn.Ask()!;
        Assert.Null(turn.Ask());
        var giving = turn.GiveAsync(time, ClientCalls.Now).AsTask();
        Assert.False(giving.IsCompleted);
        asked.Dispose();
        time.Advance(TimeSpan.FromMilliseconds(1));
        await giving.WaitAsync(Patience.Limit, ClientCalls.Now);

        using var stuck = turn.Ask();
        var patient = turn.GiveAsync(time, ClientCalls.Now).AsTask();
        while (!patient.IsCompleted && time.NextDue is { } due)
            time.Advance(due);
        await patient.WaitAsync(Patience.Limit, ClientCalls.Now);
    }

    [Fact]
    public async Task The_log_moves_only_while_nobody_else_writes()
    {
        await using var client = await OpenAsync();
        var local = await client.LocalAsync();
        using var other = new LocalDatabaseWriter(_folder.Database);
        // Longer than what is left alone, and committed in the lane that leaves moving it for later.
        await local.WriteAsync(
            Lane.Sync, database => Ran(database, "CREATE TABLE large AS SELECT zeroblob(20000000) AS bytes"), ClientCalls.Now);
        var before = new FileInfo(_folder.Database).Length;

        other.Write("BEGIN IMMEDIATE");
        await local.TidyAsync(LocalDatabase.LongLogPages, ClientCalls.Now);
        Assert.Equal(before, new FileInfo(_folder.Database).Length);

        other.Write("ROLLBACK");
        await local.TidyAsync(LocalDatabase.LongLogPages, ClientCalls.Now);
        Assert.True(new FileInfo(_folder.Database).Length > 20_000_000);
    }

    [Fact]
    public async Task Clients_that_write_much_at_once_leave_a_sound_file_and_every_write_in_the_queue()
    {
        const int Writes = 120;
        await using var one = await OpenAsync();
        await using var two = await OpenAsync();
        await using var three = await OpenAsync();

        // Large enough that the log is moved, and begun anew, a few times in between.
        await Task.WhenAll(new[] { one, two, three }.Select((client, number) => Task.Run(async () =>
        {
            for (var write = 0; write < Writes; write++)
                await client.RunAsync("INSERT INTO todos(id, title) VALUES(?, hex(zeroblob(45000)))", $"{number}-{write}");
        })));

        Assert.Equal("ok", Assert.Single(await one.TextsAsync("PRAGMA integrity_check")));
        Assert.Equal([$"{3 * Writes} {3 * Writes}"], await two.TextsAsync("SELECT count(*) || ' ' || count(DISTINCT tx) FROM tg_crud"));
    }

    public void Dispose() => _folder.Dispose();

    private Task<BucketsClient> OpenAsync() => BucketsClient.OpenAsync(_service.Connect(Todos.Options(_folder)), ClientCalls.Now);

    private static bool IsAskedFor(WriteTurn turn)
    {
        using var free = turn.Ask();
        return free is null;
    }

    private static bool Ran(Database database, string sql)
    {
        database.Run(sql);
        return true;
    }

    private static string SubscriptionsIn(ScriptedStream stream) => string.Join(' ', stream.Request.GetProperty("streams").GetProperty("subscriptions")
        .EnumerateArray().Select(subscription => subscription.GetProperty("stream").GetString()));

    private static async Task<IReadOnlyList<string>> NextAsync(IAsyncEnumerator<IReadOnlyList<string>> results)
    {
        Assert.True(await results.MoveNextAsync().AsTask().WaitAsync(Patience.Limit, ClientCalls.Now));
        return results.Current;
    }

    private static async Task SeesAsync(BucketsClient client, string rows)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ClientCalls.Now);
        late.CancelAfter(Patience.Limit);
        await foreach (var seen in client.Watch<string>("SELECT id || '=' || coalesce(title, '') FROM todos ORDER BY id", cancellationToken: late.Token))
        {
            if (string.Join(' ', seen) == rows)
                return;
        }
    }
}

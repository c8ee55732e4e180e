using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class ReconnectTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();

    [Fact]
    public void A_stream_that_ends_is_opened_again_from_where_it_was() => Run(async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        Assert.Equal("", stream.Positions);
        await SyncAsync(client, stream);
        await stream.EndAsync();

        var next = await _service.NextStreamAsync();

        Assert.Equal("b@1", next.Positions);
        Assert.True(next.Request.GetProperty("raw_data").GetBoolean());
        Assert.Equal(await client.GetClientIdAsync(ClientCalls.Now), next.Request.GetProperty("client_id").GetString());
        Assert.Equal("t=x", await Todos.RowsAsync(client));
    });

    [Fact]
    public void Attempts_go_on_with_growing_pauses_until_the_service_is_back() => Run(
        async (client, time) =>
        {
            await client.ConnectAsync(ClientCalls.Now);
            var started = time.GetUtcNow();

            await _service.NextStreamAsync();

            Assert.Equal(31, _service.Attempts);
            Assert.InRange(time.GetUtcNow() - started, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(15)); // 30 s at most each
            await client.UntilAsync(status => status.Connected);
        },
        connect: false,
        before: () =>
        {
            for (var attempt = 0; attempt < 30; attempt++)
                _service.Refusals.Enqueue(new TransportException("down"));
        });

    [Fact]
    public void Silence_counts_as_a_dead_connection() => Run(async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        var opened = time.GetUtcNow();
        await stream.SendAsync(Lines.Token(1000));

        await _service.NextStreamAsync();

        Assert.InRange(time.GetUtcNow() - opened, TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(51));
        Assert.Contains("50 seconds", client.Status.DownloadError!.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_service_is_not_taken_for_dead_while_what_it_sent_waits_for_its_turn() => Run(async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        var writing = client.WriteTransactionAsync(_ => Task.Delay(TimeSpan.FromMinutes(5), time, ClientCalls.Now), ClientCalls.Now);

        await SyncAsync(client, stream);

        await writing;
        Assert.Equal(1, _service.Attempts);
        Assert.Null(client.Status.DownloadError);
        await _service.NextStreamAsync(); // and when it does keep silent, it is noticed still
        Assert.Contains("50 seconds", client.Status.DownloadError!.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_refused_token_is_replaced_at_once_and_then_with_pauses() => Run(
        async (client, time) =>
        {
            await client.ConnectAsync(ClientCalls.Now);
            var started = time.GetUtcNow();
            var stream = await _service.NextStreamAsync();

            Assert.Equal("token 4 Rejected", stream.Token);
            Assert.True(time.GetUtcNow() > started);
        },
        connect: false,
        before: () =>
        {
            for (var attempt = 0; attempt < 3; attempt++)
                _service.Refusals.Enqueue(new TransportException("no", unauthorized: true));
        });

    [Fact]
    public void A_token_at_its_end_is_fetched_again_and_the_stream_opened_at_once() => Run(async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        Assert.Equal("token 1 Initial", stream.Token);
        var now = time.GetUtcNow();

        await stream.SendAsync(Lines.Token(20));
        stream = await _service.NextStreamAsync();
        Assert.Equal("token 2 Expiring", stream.Token);
        await stream.SendAsync(Lines.Token(0));
        stream = await _service.NextStreamAsync();

        Assert.Equal("token 3 Expired", stream.Token);
        Assert.Equal(now, time.GetUtcNow());
    });

    [Fact]
    public void Without_credentials_the_client_waits_until_somebody_signs_in()
    {
        SyncCredentials? signedIn = null;
        Run(
            async (client, time) =>
            {
                await client.UntilAsync(status => status.State == ConnectionState.NeedsCredentials);
                await Task.Delay(TimeSpan.FromHours(1), time, ClientCalls.Now);
                Assert.Equal(0, _service.Attempts);

                signedIn = new SyncCredentials("mine");
                client.NotifyCredentialsChanged();

                Assert.Equal("mine", (await _service.NextStreamAsync()).Token);
            },
            credentials: new CredentialsFrom((_, _) => ValueTask.FromResult(signedIn)));
    }

    [Fact]
    public void The_wait_the_service_asks_for_is_kept() => Run(
        async (client, time) =>
        {
            var started = time.GetUtcNow();
            await client.ConnectAsync(ClientCalls.Now);

            await _service.NextStreamAsync();

            Assert.Equal(TimeSpan.FromMinutes(3), time.GetUtcNow() - started);
        },
        connect: false,
        before: () => _service.Refusals.Enqueue(new TransportException("busy", retryAfter: TimeSpan.FromMinutes(3))));

    [Fact]
    public void A_bucket_whose_sums_differ_is_downloaded_again_after_growing_pauses() => Run(async (client, time) =>
    {
        var pauses = new List<double>();
        for (var round = 0; round < 5; round++)
        {
            var stream = await _service.NextStreamAsync();
            Assert.Equal("", stream.Positions);
            var sent = time.GetUtcNow();
            await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 7, 3)), Lines.Data("b", Lines.Put(1, "todos", "t", "{}", 1)), Lines.Complete(1));
            await client.UntilAsync(status => status.DownloadError is not null);
            while (!_service.HasStream)
                await Task.Delay(TimeSpan.FromMilliseconds(100), time, ClientCalls.Now);
            pauses.Add(Math.Round((time.GetUtcNow() - sent).TotalSeconds));
        }

        Assert.Equal([1, 10, 60, 600, 600], pauses);
        Assert.Equal("", await Todos.RowsAsync(client));
    });

    [Fact]
    public void A_network_hint_cuts_the_pause_short() => Run(
        async (client, time) =>
        {
            await client.ConnectAsync(ClientCalls.Now);
            await client.UntilAsync(status => status.State == ConnectionState.Waiting);
            var waiting = time.GetUtcNow();

            client.NotifyNetworkAvailable();
            await _service.NextStreamAsync();

            Assert.Equal(waiting, time.GetUtcNow());
        },
        connect: false,
        before: () => _service.Refusals.Enqueue(new TransportException("busy", retryAfter: TimeSpan.FromHours(3))));

    [Fact]
    public void Disconnecting_does_not_wait_out_a_pause() => Run(
        async (client, time) =>
        {
            await client.ConnectAsync(ClientCalls.Now);
            await client.UntilAsync(status => status.State == ConnectionState.Waiting);

            await client.DisconnectAsync(ClientCalls.Now);

            Assert.Equal(ConnectionState.Offline, client.Status.State);
            await client.ConnectAsync(ClientCalls.Now);
            await SyncAsync(client, await _service.NextStreamAsync());
        },
        connect: false,
        before: () => _service.Refusals.Enqueue(new TransportException("busy", retryAfter: TimeSpan.FromHours(3))));

    [Fact]
    public void Lines_arrive_in_any_pieces_and_the_last_may_lack_its_end() => Run(async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        var text = string.Join(
            "\n\n", Lines.Checkpoint(1, null, ("b", 1, 3)), "{\"news\":1}", Lines.Data("b", Lines.Put(1, "todos", "t", "{\"title\":\"é😀\"}", 1)), Lines.Complete(1));

        foreach (var piece in System.Text.Encoding.UTF8.GetBytes(text))
        {
            await stream.Writer.WriteAsync(new[] { piece }, ClientCalls.Now);
            await Task.Yield();
        }
        await stream.EndAsync();
        await client.SyncedAsync();

        Assert.Equal("t=é😀", await Todos.RowsAsync(client));
    });

    [Fact]
    public void A_malformed_line_closes_the_stream_and_changes_nothing() => Run(async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t", "{}", 1)), "no json");

        var next = await _service.NextStreamAsync();

        Assert.Equal("", next.Positions);
        Assert.Contains("TGB6010", ((TopGun.Buckets.Protocol.BucketsException)client.Status.DownloadError!).Code, StringComparison.Ordinal);
    });

    [Fact]
    public void Another_users_token_is_refused_until_the_database_is_cleared()
    {
        var user = "anna";
        Run(
            async (client, time) =>
            {
                await SyncAsync(client, await _service.NextStreamAsync());
                await client.DisconnectAsync(ClientCalls.Now);
                user = "bert";
                await client.ConnectAsync(ClientCalls.Now);
                var status = await client.UntilAsync(status => status.State == ConnectionState.Failed);
                Assert.Contains("anna", status.DownloadError!.Message, StringComparison.Ordinal);

                await client.DisconnectAndClearAsync(cancellationToken: ClientCalls.Now);
                Assert.Equal("", await Todos.RowsAsync(client));
                await client.ConnectAsync(ClientCalls.Now);

                Assert.Equal("", (await _service.NextStreamAsync()).Positions);
            },
            credentials: new CredentialsFrom((_, _) =>
            {
                var payload = System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes($"{{\"sub\":\"{user}\"}}"));
                return ValueTask.FromResult<SyncCredentials?>(new SyncCredentials($"e30.{payload}.x"));
            }));
    }

    private static async Task SyncAsync(BucketsClient client, ScriptedStream stream)
    {
        await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t", "{\"title\":\"x\"}", 1)), Lines.Complete(1));
        await client.SyncedAsync();
    }

    private void Run(
        Func<BucketsClient, ManualTime, Task> test, bool connect = true, Action? before = null, ICredentialsProvider? credentials = null) =>
        VirtualRun.Run(async time =>
        {
            var tokens = 0;
            before?.Invoke();
            await using var client = await BucketsClient.OpenAsync(
                Todos.Options(_folder) with
                {
                    Transport = _service,
                    TimeProvider = time,
                    NewExecution = () => new InlineExecution(),
                    OtherProcessesPoll = Timeout.InfiniteTimeSpan,
                    Credentials = credentials
                        ?? new CredentialsFrom((reason, _) => ValueTask.FromResult<SyncCredentials?>(new SyncCredentials($"token {++tokens} {reason}"))),
                },
                ClientCalls.Now);
            if (connect)
                await client.ConnectAsync(ClientCalls.Now);
            await test(client, time);
        });

    public void Dispose() => _folder.Dispose();
}

using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class UploadTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();
    private readonly List<string> _uploaded = [];

    [Fact]
    public void A_write_is_uploaded_and_its_return_opens_the_gate() => Run(Accept, async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"server\"}", 1)), Lines.Complete(1));
        await client.SyncedAsync();

        await client.RunAsync("UPDATE todos SET title = 'mine' WHERE id = 't1'");
        await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint && status.PendingUploads == 0);
        await stream.SendAsync(Lines.Diff(2, null, [("b", 3, 3)]), Lines.Data("b", Lines.Put(2, "todos", "t2", "{\"title\":\"other\"}", 2)), Lines.Complete(2));
        await SettledAsync(time);
        Assert.Equal("t1=mine", await Todos.RowsAsync(client)); // the checkpoint may be older than the upload, so none of it shows

        await stream.SendAsync(Lines.Diff(3, 1, [("b", 6, 3)]), Lines.Data("b", Lines.Put(3, "todos", "t1", "{\"title\":\"mine\"}", 3)), Lines.Complete(3));
        await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);

        Assert.Equal("t1=mine t2=other", await Todos.RowsAsync(client));
        Assert.Equal(["PATCH todos/t1 {\"title\":\"mine\"}"], _uploaded);
    });

    [Fact]
    public void A_rejected_write_is_reported_and_reverts() => Run(
        transaction => UploadOutcome.Reject("not allowed"),
        async (client, time) =>
        {
            var rejected = new List<string>();
            client.WriteRejected += write => rejected.Add($"{write.Reason}: {write.Transaction.Entries[0].Id}");
            var stream = await _service.NextStreamAsync();
            await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"server\"}", 1)), Lines.Complete(1));
            await client.SyncedAsync();

            await client.TransactAsync(async transaction =>
            {
                await transaction.RunAsync("UPDATE todos SET title = 'mine'");
                await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'new')");
            });
            Assert.Equal("t1=mine t2=new", await Todos.RowsAsync(client));
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);
            await stream.SendAsync(Lines.Diff(1, 1, []), Lines.Complete(1));
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);

            Assert.Equal("t1=server", await Todos.RowsAsync(client));
            Assert.Equal(["not allowed: t1"], rejected);
        });

    [Fact]
    public void A_parked_write_no_longer_stands_in_the_way() => Run(
        transaction => UploadOutcome.Park("look at this"),
        async (client, time) =>
        {
            var stream = await _service.NextStreamAsync();
            await client.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'new')");
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);
            await stream.SendAsync(Lines.Checkpoint(0, 1), Lines.Complete(0));
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);

            Assert.Equal("", await Todos.RowsAsync(client));
            Assert.Equal((0, 1), (client.Status.PendingUploads, client.Status.ParkedUploads));
            Assert.Equal(["look at this"], await client.TextsAsync("SELECT error FROM tg_crud"));
        });

    [Fact]
    public void A_parked_write_can_be_sent_again_or_discarded()
    {
        var park = true;
        Run(
            transaction => park ? UploadOutcome.Park("closed today") : Accept(transaction),
            async (client, time) =>
            {
                var stream = await _service.NextStreamAsync();
                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'again')");
                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'never')");
                await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);
                await stream.SendAsync(Lines.Checkpoint(0, 1), Lines.Complete(0));
                await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);
                var parked = await client.GetParkedAsync(ClientCalls.Now);
                Assert.Equal(["t1: closed today", "t2: closed today"], parked.Select(write => $"{write.Transaction.Entries[0].Id}: {write.Reason}"));

                park = false;
                Assert.True(await client.DiscardParkedAsync(parked[1].Transaction.Id, ClientCalls.Now));
                Assert.True(await client.ReplayParkedAsync(parked[0].Transaction.Id, ClientCalls.Now));
                Assert.False(await client.ReplayParkedAsync(parked[0].Transaction.Id, ClientCalls.Now));
                Assert.Equal("t1=again", await Todos.RowsAsync(client));
                Assert.Equal((1, 0, BlockedBy.PendingUploads), (client.Status.PendingUploads, client.Status.ParkedUploads, client.Status.BlockedBy));

                await client.UntilAsync(status => status is { PendingUploads: 0, BlockedBy: BlockedBy.WriteCheckpoint });
                Assert.Equal(["PUT todos/t1 {\"title\":\"again\"}"], _uploaded);
            });
    }

    [Fact]
    public void Writes_that_were_refused_one_by_one_are_reported_and_the_others_stay() => Run(
        transaction => UploadOutcome.DoneExcept([new RefusedEntry(transaction.Entries[1], "too long", "length")]),
        async (client, time) =>
        {
            var rejected = new List<RejectedWrite>();
            client.WriteRejected += rejected.Add;
            await client.TransactAsync(async transaction =>
            {
                await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'fine')");
                await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'long')");
            });
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);

            var write = Assert.Single(rejected);
            Assert.True(write.IsPartial);
            Assert.Equal(("t2", "too long", "length"), (write.Refused[0].Entry.Id, write.Refused[0].Reason, write.Refused[0].Code));
        });

    [Fact]
    public void A_copy_of_another_clients_database_goes_on_under_an_id_of_its_own()
    {
        var taken = "";
        var sent = new List<string>();
        Run(
            transaction =>
            {
                sent.Add($"{transaction.ClientId} {transaction.Entries[0].Id}");
                return transaction.ClientId == taken ? UploadOutcome.NumberTaken : UploadOutcome.Done;
            },
            async (client, time) =>
            {
                taken = await client.GetClientIdAsync(ClientCalls.Now);
                var stream = await _service.NextStreamAsync();
                await stream.SendAsync(Lines.Checkpoint(0), Lines.Complete(0));
                await client.SyncedAsync();

                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'mine')");
                var again = await _service.NextStreamAsync(); // write checkpoints are numbered by client
                await client.UntilAsync(status => status is { BlockedBy: BlockedBy.WriteCheckpoint, PendingUploads: 0 });
                var renamed = await client.GetClientIdAsync(ClientCalls.Now);
                await stream.SendAsync(Lines.Diff(1, 99, []), Lines.Complete(1)); // of the other client: nobody listens any more
                await SettledAsync(time);
                Assert.Equal("t1=mine", await Todos.RowsAsync(client));
                await again.SendAsync(Lines.Checkpoint(1, (long)_service.LastWriteCheckpoint), Lines.Complete(1));
                await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);

                Assert.NotEqual(taken, renamed);
                Assert.Equal(renamed, again.Request.GetProperty("client_id").GetString());
                Assert.Equal([$"{taken} t1", $"{renamed} t1"], sent);
            });
    }

    [Fact]
    public void A_transaction_that_fails_and_fails_is_reported_once_an_hour() => Run(
        transaction => UploadOutcome.Retry(reason: "no such table"),
        async (client, time) =>
        {
            var stalled = new List<(TimeSpan At, StalledUpload Upload)>();
            var started = time.GetUtcNow();
            client.UploadStalled += upload => stalled.Add((time.GetUtcNow() - started, upload));
            await client.RunAsync("INSERT INTO todos(id) VALUES('t1')");

            while (stalled.Count < 3)
                await Task.Delay(TimeSpan.FromMinutes(1), time, ClientCalls.Now);

            Assert.Equal((20, "no such table", "t1"), (stalled[0].Upload.Failures, stalled[0].Upload.Reason, stalled[0].Upload.Transaction.Entries[0].Id));
            Assert.InRange(stalled[2].At - stalled[1].At, TimeSpan.FromHours(1), TimeSpan.FromMinutes(62));
        });

    [Fact]
    public void A_retry_keeps_the_order_and_waits_longer_each_time()
    {
        var failures = 5;
        var attempts = new List<DateTimeOffset>();
        ManualTime? clock = null;
        Run(
            transaction =>
            {
                attempts.Add(clock!.GetUtcNow());
                return failures-- > 0 ? UploadOutcome.Retry(reason: "backend down") : Accept(transaction);
            },
            async (client, time) =>
            {
                clock = time;
                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");
                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'b')");
                await client.UntilAsync(status => status.UploadError is not null);
                Assert.Contains("backend down", client.Status.UploadError!.Message, StringComparison.Ordinal);

                await client.UntilAsync(status => status.PendingUploads == 0 && status.UploadError is null);

                Assert.Equal(["PUT todos/t1 {\"title\":\"a\"}", "PUT todos/t2 {\"title\":\"b\"}"], _uploaded);
                Assert.True(attempts[5] - attempts[0] < TimeSpan.FromSeconds(1 + 2 + 4 + 8 + 16));
            });
    }

    [Fact]
    public void A_handler_that_throws_is_asked_again_and_nothing_is_lost()
    {
        var failures = 3;
        Run(
            transaction => failures-- > 0 ? throw new InvalidOperationException("broken") : Accept(transaction),
            async (client, time) =>
            {
                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");

                await client.UntilAsync(status => status.PendingUploads == 0 && status.BlockedBy == BlockedBy.WriteCheckpoint);

                Assert.Equal(["PUT todos/t1 {\"title\":\"a\"}"], _uploaded);
            });
    }

    [Fact]
    public void Waiting_for_a_checkpoint_ends_when_what_is_in_the_source_is_shown() => Run(Accept, async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(0), Lines.Complete(0));
        await client.SyncedAsync();

        var waiting = client.WaitForCheckpointAsync(ClientCalls.Now);
        await stream.SendAsync(Lines.Diff(1, null, []), Lines.Complete(1)); // may be older than the question
        await SettledAsync(time);
        Assert.False(waiting.IsCompleted);
        await stream.SendAsync(Lines.Diff(2, 1, [("b", 1, 3)]), Lines.Data("b", Lines.Put(2, "todos", "t1", "{\"title\":\"by the API\"}", 1)), Lines.Complete(2));
        await waiting;
        Assert.Equal("t1=by the API", await Todos.RowsAsync(client));

        _service.WriteCheckpoint = () => Task.FromException<ulong>(new TransportException("down"));
        await Assert.ThrowsAsync<TransportException>(() => client.WaitForCheckpointAsync(ClientCalls.Now));
        await client.DisconnectAsync(ClientCalls.Now);
        var failure = await Assert.ThrowsAsync<TopGun.Buckets.Protocol.BucketsException>(() => client.WaitForCheckpointAsync(ClientCalls.Now));
        Assert.Equal("TGB6024", failure.Code);
    });

    [Fact]
    public void The_number_of_a_backend_that_counts_itself_is_waited_for_below_one_of_the_services()
    {
        var asked = new List<string>();
        Run(Accept, async (client, time) =>
        {
            var stream = await _service.NextStreamAsync();
            await stream.SendAsync(Lines.Checkpoint(0, 1L << 51), Lines.Complete(0));
            await client.SyncedAsync();
            await stream.SendAsync(Lines.Diff(0, 0, []), Lines.Complete(0));

            await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'mine')");
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);
            await stream.SendAsync(Lines.Diff(1, 0, []), Lines.Complete(1));
            await SettledAsync(time);
            Assert.Equal("t1=mine", await Todos.RowsAsync(client));
            Assert.Equal(0ul, _service.LastWriteCheckpoint);
            Assert.Equal(Assert.Single(asked), await client.GetClientIdAsync(ClientCalls.Now));

            await stream.SendAsync(Lines.Diff(2, 1, []), Lines.Complete(2));
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);
            Assert.Equal("", await Todos.RowsAsync(client));
        }, request: (clientId, _) =>
        {
            asked.Add(clientId);
            return Task.FromResult(1ul);
        });
    }

    [Fact]
    public void A_write_during_the_handshake_keeps_the_gate_closed() => Run(Accept, async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(0), Lines.Complete(0));
        await client.SyncedAsync();
        var wrote = false;
        _service.WriteCheckpoint = async () =>
        {
            if (!wrote)
            {
                wrote = true;
                await client.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'during')");
                return 1;
            }
            return 2;
        };

        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'before')");
        await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);
        await stream.SendAsync(Lines.Diff(1, 1, [("b", 1, 3)]), Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"before\"}", 1)), Lines.Complete(1));
        await SettledAsync(time);
        Assert.Equal("t1=before t2=during", await Todos.RowsAsync(client));

        await stream.SendAsync(Lines.Diff(2, 2, [("b", 3, 3)]), Lines.Data("b", Lines.Put(2, "todos", "t2", "{\"title\":\"during\"}", 2)), Lines.Complete(2));
        await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);

        Assert.Equal("t1=before t2=during", await Todos.RowsAsync(client));
        Assert.Equal(2, _uploaded.Count);
    });

    [Fact]
    public void A_checkpoint_that_came_before_its_number_was_known_is_shown_afterwards() => Run(Accept, async (client, time) =>
    {
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(0), Lines.Complete(0));
        await client.SyncedAsync();
        _service.WriteCheckpoint = async () =>
        {
            await stream.SendAsync(Lines.Diff(1, 1, [("b", 1, 3)]), Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"came back\"}", 1)), Lines.Complete(1));
            await SettledAsync(time);
            return 1;
        };

        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'sent')");
        await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing && status.PendingUploads == 0);

        Assert.Equal("t1=came back", await Todos.RowsAsync(client));
    });

    [Fact]
    public void A_failed_handshake_is_tried_again_until_it_succeeds()
    {
        var failures = 4;
        Run(Accept, async (client, time) =>
        {
            _service.WriteCheckpoint = () => failures-- > 0 ? Task.FromException<ulong>(new TransportException("down")) : Task.FromResult(7UL);
            var stream = await _service.NextStreamAsync();
            await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");

            await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);

            Assert.Equal("7", await client.TextsAsync("SELECT value FROM tg_meta WHERE key = 'gate_target'") is [var target] ? target : null);
            await stream.SendAsync(Lines.Checkpoint(1, 6), Lines.Complete(1), Lines.Diff(1, 7, []), Lines.Complete(1));
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.Nothing);
            Assert.Equal("", await Todos.RowsAsync(client)); // the service knows of no such row
        });
    }

    [Fact]
    public void Priority_zero_shows_although_a_write_is_pending() => Run(
        transaction => UploadOutcome.Retry(),
        async (client, time) =>
        {
            var stream = await _service.NextStreamAsync();
            await client.RunAsync("INSERT INTO todos(id, title) VALUES('mine', 'a')");
            await stream.SendAsync(
                Lines.Checkpoint(3, null, ("urgent", 1, 0), ("usual", 2, 3)),
                Lines.Data("urgent", Lines.Put(1, "todos", "u", "{\"title\":\"now\"}", 1)), Lines.Partial(3, 0),
                Lines.Data("usual", Lines.Put(2, "todos", "v", "{\"title\":\"later\"}", 2)), Lines.Complete(3));
            await client.UntilAsync(status => status.BlockedBy == BlockedBy.PendingUploads && status.SyncedPriority == 0);

            Assert.Equal("mine=a u=now", await Todos.RowsAsync(client));
        });

    [Fact]
    public void Insert_only_rows_are_uploaded_without_closing_the_gate()
    {
        var schema = new LocalSchema(Todos.Table, Todos.Table with { Name = "events", Kind = TableKind.InsertOnly });
        Run(
            transaction => UploadOutcome.Retry(),
            async (client, time) =>
            {
                var stream = await _service.NextStreamAsync();
                await client.RunAsync("INSERT INTO events(id, title) VALUES('e', 'clicked')");
                await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t", "{\"title\":\"x\"}", 1)), Lines.Complete(1));
                await client.SyncedAsync();

                Assert.Equal("t=x", await Todos.RowsAsync(client));
            },
            schema);
    }

    [Fact]
    public void Writes_of_other_tools_never_join_a_transaction_that_was_sent()
    {
        LocalDatabaseWriter? other = null;
        var sent = new List<string>();
        Run(
            transaction =>
            {
                sent.Add($"{transaction.Id}: {string.Join(',', transaction.Entries.Select(entry => entry.Id))}");
                if (sent.Count == 1)
                    other!.Write("INSERT INTO todos(id) VALUES('f2')"); // while the first is on its way
                return UploadOutcome.Done;
            },
            async (client, time) =>
            {
                using (other = new LocalDatabaseWriter(_folder.Database))
                {
                    other.Write("INSERT INTO todos(id) VALUES('f1')");
                    client.TriggerUpload();
                    await client.UntilAsync(status => status.BlockedBy == BlockedBy.WriteCheckpoint);
                    other.Write("INSERT INTO todos(id) VALUES('f3')");
                    client.TriggerUpload();
                    while (sent.Count < 3)
                        await Task.Delay(TimeSpan.FromSeconds(1), time, ClientCalls.Now);
                }
            });

        Assert.Equal(["f1", "f2", "f3"], sent.Select(line => line.Split(": ")[1]));
        Assert.Equal(3, sent.Select(line => line.Split(": ")[0]).Distinct().Count());
    }

    [Fact]
    public void Clearing_refuses_to_lose_writes_unless_told_to() => Run(
        transaction => UploadOutcome.Retry(),
        async (client, time) =>
        {
            await client.RunAsync("INSERT INTO todos(id) VALUES('t1')");

            var failure = await Assert.ThrowsAsync<TopGun.Buckets.Protocol.BucketsException>(
                () => client.DisconnectAndClearAsync(cancellationToken: ClientCalls.Now));
            Assert.Equal("TGB6022", failure.Code);
            Assert.Equal("t1=", await Todos.RowsAsync(client));

            await client.DisconnectAndClearAsync(discardPendingWrites: true, cancellationToken: ClientCalls.Now);
            Assert.Equal("", await Todos.RowsAsync(client));
            Assert.Empty(await Todos.QueueAsync(client));
        });

    private UploadOutcome Accept(UploadTransaction transaction)
    {
        foreach (var entry in transaction.Entries)
            _uploaded.Add($"{entry.Op.ToString().ToUpperInvariant()} {entry.Table}/{entry.Id} {entry.Data}".TrimEnd());
        return UploadOutcome.Done;
    }

    /// <summary>Lets everything run that needs no more than a moment.</summary>
    private static Task SettledAsync(ManualTime time) => Task.Delay(TimeSpan.FromSeconds(1), time, ClientCalls.Now);

    private void Run(Func<UploadTransaction, UploadOutcome> upload, Func<BucketsClient, ManualTime, Task> test, LocalSchema? schema = null, Func<string, CancellationToken, Task<ulong>>? request = null) =>
        VirtualRun.Run(async time =>
        {
            await using var client = await BucketsClient.OpenAsync(
                Todos.Options(_folder, schema) with
                {
                    Transport = _service,
                    RequestWriteCheckpoint = request,
                    TimeProvider = time,
                    NewExecution = () => new InlineExecution(),
                    OtherProcessesPoll = Timeout.InfiniteTimeSpan,
                    Upload = new UploadEach((transaction, _) => Task.FromResult(upload(transaction))),
                    ReadTimeout = TimeSpan.FromDays(1),
                },
                ClientCalls.Now);
            await client.ConnectAsync(ClientCalls.Now);
            await test(client, time);
        });

    public void Dispose() => _folder.Dispose();
}

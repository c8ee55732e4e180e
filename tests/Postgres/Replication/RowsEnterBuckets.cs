using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Host;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>A source and the bucket log behind it.</summary>
public class RowsEnterBuckets
{
    private const string Rules = """
        bucket_definitions:
          shown:
            data:
              - SELECT id, body FROM docs WHERE shown = 1
        """;

    [Theory]
    [InlineData("UPDATE docs SET shown = 1", "1")]
    [InlineData("UPDATE docs SET shown = 1, id = '2'", "2")]
    [InlineData("UPDATE docs SET id = '2'; UPDATE docs SET shown = 1, id = '3'", "3")]
    public async Task A_row_of_no_bucket_that_enters_one_has_the_large_value_that_its_update_left_out(string update, string id)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE docs (id text PRIMARY KEY, shown int, body text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;"
            + "INSERT INTO docs VALUES ('1', 0, repeat('large ', 2000))");
        await using var service = await Following.StartAsync(database);
        await service.UntilAsync(() => service.IsVisible);
        Assert.Empty(service.Ops);

        await database.ExecuteAsync(update);

        await service.UntilAsync(() => service.Ops.Count > 0);
        var put = Assert.Single(service.Ops);
        Assert.Contains(string.Concat(Enumerable.Repeat("large ", 2000)), put, StringComparison.Ordinal);
        Assert.Contains($"\"object_id\":\"{id}\"", put, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_moves_to_another_key_is_not_looked_for_before_the_commit_that_moves_it_is_shown()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["synchronous_standby_names"] = "dead" } }, TestContext.Current.CancellationToken);
        await OpenTransaction.WaitForNoStandbyAsync(cluster);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync(
            "CREATE TABLE docs (id text PRIMARY KEY, shown int, body text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;"
            + "INSERT INTO docs VALUES ('1', 1, repeat('large ', 2000))");
        await using var late = await OpenTransaction.BeginAsync(database, "SET LOCAL synchronous_commit = on", takesId: false);
        var committing = Task.CompletedTask;
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var service = await Following.StartAsync(database, async change =>
        {
            if (change is SnapshotStarted)
            {
                // The slot is there and nothing has been read yet: the row is read where it was, and its update comes through the stream.
                await late.RunAsync("UPDATE docs SET id = '2'");
                committing = late.RunAsync("COMMIT");
                await OpenTransaction.UntilAsync(database, late.WaitsForStandby);
                await database.ExecuteAsync("SELECT pg_logical_emit_message(true, 'app', 'so that the snapshot ends later in the log than the update')");
            }
            if (change is SnapshotEnded)
                read.SetResult();
        });
        await read.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        await OpenTransaction.UntilWaitedForAsync(database, () => service.IsVisible);
        Assert.Equal("1", await database.ReadAsync<string>("SELECT id FROM docs"));

        await late.ShowAsync(database);

        await committing;
        await service.UntilAsync(() => service.IsVisible);
        Assert.Contains("\"object_id\":\"2\"", service.Ops[^1], StringComparison.Ordinal);
        Assert.Contains(string.Concat(Enumerable.Repeat("large ", 2000)), service.Ops[^1], StringComparison.Ordinal);
    }

    /// <summary>Carries what the source says into the log, and remembers what can be seen.</summary>
    private sealed class Following : IBatchSubscriber, IAsyncDisposable
    {
        private readonly CancellationTokenSource _ending = new();
        private readonly Lock _gate = new();
        private readonly List<(ulong Id, string Text)> _ops = [];
        private OpId _visible;
        private NpgsqlSource? _source;
        private BucketLogWriter? _log;
        private Func<SourceEvent, Task>? _after;
        private Task _running = Task.CompletedTask;

        public bool IsVisible { get; private set; }

        public IReadOnlyList<string> Ops
        {
            get
            {
                lock (_gate)
                    return [.. _ops.Where(op => op.Id <= _visible.Value).Select(op => op.Text)];
            }
        }

        public static async Task<Following> StartAsync(PostgresDatabase database, Func<SourceEvent, Task>? after = null)
        {
            var following = new Following { _after = after };
            var storage = new NullColdStorage();
            var source = following._source = new NpgsqlSource(database.ConnectionString, "topgun");
            var rules = await LogRules.OpenAsync(
                storage, Rules, static (text, _, _) => RuleSet.Parse(text, new RuleSetOptions()).Rules, DateTimeOffset.UnixEpoch,
                TestContext.Current.CancellationToken);
            var monitor = new ReplicationMonitor(TimeProvider.System);
            var changes = new ChangeSource(
                source, Follower.OptionsFor("docs"), monitor, TimeProvider.System, new Random(),
                NullLogger<ChangeSource>.Instance);
            var log = following._log = new BucketLogWriter(
                storage, rules, following,
                new LogSource(changes.Acknowledge, new MissingRows(source, monitor, TimeProvider.System, NullLogger<MissingRows>.Instance)),
                new BucketLogOptions(), new BucketLogEnvironment(TimeProvider.System, new Random(), NullLogger<BucketLogWriter>.Instance));
            following._running = following.RunAsync(changes, log);
            return following;
        }

        public async Task UntilAsync(Func<bool> isSo)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            deadline.CancelAfter(Patience.Limit);
            while (!isSo())
            {
                if (_running.IsCompleted)
                    await _running;
                await Task.Delay(20, deadline.Token); // the server is another process
            }
        }

        public ValueTask StartAsync(IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken) =>
            ValueTask.CompletedTask;

        public void Append(OpBatch batch, Checkpoint? visible)
        {
            lock (_gate)
            {
                foreach (var op in batch.Ops.Span)
                    _ops.Add((op.OpId.Value, $"{op.Kind} {Encoding.UTF8.GetString(op.Fragment.Span)}"));
                _visible = visible?.LastOpId ?? _visible;
                IsVisible |= visible is not null;
            }
        }

        public void Drop(IReadOnlyList<string> buckets)
        {
        }

        public void Durable(OpId upTo)
        {
        }

        public void Compacting(string bucket)
        {
        }

        public void Compacted(string bucket, OpId through)
        {
        }

        public void Reset()
        {
            lock (_gate)
                _ops.Clear();
        }

        public async ValueTask DisposeAsync()
        {
            await _ending.CancelAsync();
            await Task.WhenAny(_running); // it ends by the cancellation; what failed before, the waiting has thrown
            await _log!.DisposeAsync();
            await _source!.DisposeAsync();
            _ending.Dispose();
        }

        private async Task RunAsync(ChangeSource changes, BucketLogWriter log)
        {
            var start = await log.OpenAsync(_ending.Token);
            await foreach (var change in changes.ReadAsync(start.State, start.Position, start.Begun, _ending.Token))
            {
                await log.AppendAsync(change, _ending.Token);
                if (_after is not null)
                    await _after(change);
            }
        }
    }
}

using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class WriteCheckpointsReturn
{
    [Fact]
    public async Task A_marker_comes_after_everything_committed_before_it_was_asked_for()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        await using var checkpoints = For(follower);
        var seen = new List<bool>();

        for (var id = 1; id <= 20; id++)
        {
            // Not on disk yet when its client is told that it is committed.
            await database.ExecuteAsync($"SET synchronous_commit = off; INSERT INTO lists VALUES ({id})");
            var checkpoint = await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken);
            await follower.UntilAsync(() => follower.Markers.Contains(new WriteCheckpointMarker("ann", checkpoint)));
            seen.Add(follower.Rows("lists").Count == id);
        }

        Assert.All(seen, Assert.True);
        var ids = follower.Markers.Select(marker => marker.Id).ToList();
        Assert.Equal(ids.Order().Distinct(), ids);
    }

    [Fact]
    public async Task Requests_that_come_together_share_a_transaction()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        await using var checkpoints = For(follower);

        await Task.WhenAll(Enumerable.Range(0, 500).Select(user =>
            checkpoints.RequestAsync($"user{user}", requestedId: user == 3 ? 12345 : null, TestContext.Current.CancellationToken).AsTask()));

        await follower.UntilAsync(() => follower.Markers.Count == 500);
        Assert.Equal(12345UL, follower.Markers.Single(marker => marker.UserKey == "user3").Id);
        Assert.True(follower.Log.Count(line => line == "begin") < 100);
    }

    [Fact]
    public async Task Forged_and_foreign_messages_are_not_markers()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync(
            """
            SELECT pg_logical_emit_message(true, 'topgun', 'ping');
            SELECT pg_logical_emit_message(true, 'topgun', decode(repeat('00', 16) || '0000000000000009' || '00000003' || '616e6e', 'hex'));
            SELECT pg_logical_emit_message(false, 'topgun', 'x'); SELECT pg_logical_emit_message(true, 'powersync', 'ping');
            INSERT INTO lists VALUES (1);
            """);

        await follower.CatchUpAsync(database, "lists");
        Assert.Empty(follower.Markers);
    }

    [Fact]
    public async Task Markers_from_before_a_restart_are_recognised_after_it()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await using var source = new NpgsqlSource(database.ConnectionString, "topgun");
        await using var checkpoints = new WriteCheckpoints(source, first.Monitor, TimeProvider.System, NullLogger<WriteCheckpoints>.Instance);
        var id = await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken);

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.Markers.Contains(new WriteCheckpointMarker("ann", id)));
    }

    [Fact]
    public async Task A_source_that_is_down_is_an_answer_and_so_is_its_return()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        await using var checkpoints = For(follower);
        await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken);

        await cluster.StopAsync(PostgresStop.Immediate);
        var failure = await Assert.ThrowsAsync<BucketsException>(async () =>
            await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken));
        await cluster.StartAsync(TestContext.Current.CancellationToken);
        var id = await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken);

        Assert.Equal("TGB1101", failure.Code);
        await follower.UntilAsync(() => follower.Markers.Contains(new WriteCheckpointMarker("ann", id)));
    }

    private static WriteCheckpoints For(Follower follower) =>
        new(follower.Source, follower.Monitor, TimeProvider.System, NullLogger<WriteCheckpoints>.Instance);
}

using System.Threading.Channels;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class StoredWriteCheckpointsTests
{
    [Fact]
    public async Task A_users_first_is_given_when_its_marker_has_come_back_and_is_stored()
    {
        await using var world = await MarkerWorld.OpenAsync();
        var answer = world.AskAsync("ann");
        var marker = await world.NextMarkerAsync();

        await world.SleepsAsync();
        Assert.False(answer.IsCompleted);
        await world.ReturnAsync(marker);
        world.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(marker.Id, await answer);
    }

    [Fact]
    public async Task Later_ones_are_given_at_once()
    {
        await using var world = await MarkerWorld.OpenAsync();
        await world.ReturnAsync(new WriteCheckpointMarker("ann", WriteCheckpoints.FloorOf(1) + 1));

        var answer = world.AskAsync("ann");

        Assert.Equal((await world.NextMarkerAsync()).Id, await answer);
    }

    [Fact]
    public async Task A_number_of_the_clients_own_waits_for_its_marker_each_time()
    {
        await using var world = await MarkerWorld.OpenAsync();
        await world.ReturnAsync(new WriteCheckpointMarker("ann", 7));
        var answer = world.AskAsync("ann", requestedId: 8);
        var marker = await world.NextMarkerAsync();

        await world.SleepsAsync();
        Assert.False(answer.IsCompleted);
        await world.ReturnAsync(marker);
        world.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(8UL, await answer);
    }

    [Fact]
    public async Task A_client_that_counts_from_the_start_again_is_told_how_far_it_was()
    {
        await using var world = await MarkerWorld.OpenAsync();
        await world.ReturnAsync(new WriteCheckpointMarker("ann", 7));

        Assert.Equal(7UL, await world.AskAsync("ann", requestedId: 3));
        Assert.Equal(7UL, await world.AskAsync("ann", requestedId: 7));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_numbers_at_once_that_come_back_the_wrong_way_round_leave_the_higher_one(bool inOneTransaction)
    {
        await using var world = await MarkerWorld.OpenAsync();
        await world.ReturnAsync(new WriteCheckpointMarker("ann", 6));
        var higher = world.AskAsync("ann", requestedId: 8);
        var eight = await world.NextMarkerAsync();
        await world.SleepsAsync();
        var lower = world.AskAsync("ann", requestedId: 7);
        var seven = await world.NextMarkerAsync();
        await world.SleepsAsync();

        if (inOneTransaction)
        {
            await world.ReturnAsync(eight, seven);
        }
        else
        {
            await world.AppendAsync(eight); // on its way to the store while the other comes
            await world.ReturnAsync(seven);
        }
        world.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(8UL, await higher);
        Assert.Equal(8UL, await lower);
        Assert.Equal(8UL, await world.StoredAsync("ann"));
    }

    [Fact]
    public async Task Ids_of_ours_that_come_back_the_wrong_way_round_leave_the_higher_one()
    {
        await using var world = await MarkerWorld.OpenAsync();
        var ours = WriteCheckpoints.FloorOf(1);

        await world.ReturnAsync(new WriteCheckpointMarker("ann", ours + 12));
        await world.ReturnAsync(new WriteCheckpointMarker("ann", ours + 10)); // from another node, which had looked before

        Assert.Equal(ours + 12, await world.StoredAsync("ann"));
    }

    [Fact]
    public async Task A_first_whose_marker_was_lost_with_the_slot_is_asked_for_again()
    {
        await using var world = await MarkerWorld.OpenAsync();
        var answer = world.AskAsync("ann");
        var lost = await world.NextMarkerAsync();
        await world.SleepsAsync();

        await world.LoseSlotAsync();
        world.Time.Advance(TimeSpan.FromSeconds(1));
        var again = await world.NextMarkerAsync();
        await world.SleepsAsync();
        await world.ReturnAsync(again); // while nothing new may be shown: kept, and stored
        world.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(again.Id, await answer);
        Assert.True(lost.Id < WriteCheckpoints.FloorOf(2) && again.Id > WriteCheckpoints.FloorOf(2));
    }

    [Fact]
    public async Task One_that_was_given_before_continuity_was_lost_is_never_reached_too_early()
    {
        await using var world = await MarkerWorld.OpenAsync();
        await world.ReturnAsync(new WriteCheckpointMarker("ann", WriteCheckpoints.FloorOf(1) + 1));
        world.BeforeAnswer = world.LoseSlotAsync; // the epoch that the id was made of has passed when it arrives

        var answer = world.AskAsync("ann");

        await world.NextMarkerAsync();
        Assert.Equal((await world.NextMarkerAsync()).Id, await answer);
        Assert.True(await answer > WriteCheckpoints.FloorOf(2));
    }

    [Fact]
    public async Task A_marker_that_does_not_come_back_is_an_answer_that_says_so()
    {
        await using var world = await MarkerWorld.OpenAsync();
        var answer = world.AskAsync("ann");
        await world.NextMarkerAsync();
        await world.SleepsAsync();

        world.Time.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal("TGB1108", (await Assert.ThrowsAsync<BucketsException>(() => answer)).Code);
    }

    /// <summary>A log that follows a source, and whoever emits markers into that: they come back when the test says so.</summary>
    private sealed class MarkerWorld : IWriteCheckpoints, IAsyncDisposable
    {
        private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);

        private readonly Channel<WriteCheckpointMarker> _emitted = Channel.CreateUnbounded<WriteCheckpointMarker>();
        private readonly LogFixture _log;
        private readonly StoredWriteCheckpoints _checkpoints;
        private ulong _position = 10;
        private int _epoch = 1;

        private MarkerWorld(LogFixture log)
        {
            _log = log;
            _checkpoints = new StoredWriteCheckpoints(this, log.Storage.GetAsync, Time);
        }

        public NotedTime Time { get; } = new();

        /// <summary>What happens once, after an id was made and before it is handed out.</summary>
        public Func<Task>? BeforeAnswer { get; set; }

        public static async Task<MarkerWorld> OpenAsync() => new(await OpenFollowingAsync(new NullColdStorage()));

        public Task<ulong> AskAsync(string userKey, ulong? requestedId = null) =>
            _checkpoints.RequestAsync(userKey, requestedId, TestContext.Current.CancellationToken).AsTask();

        public async ValueTask<ulong> RequestAsync(string userKey, ulong? requestedId, CancellationToken cancellationToken)
        {
            var marker = new WriteCheckpointMarker(userKey, requestedId ?? WriteCheckpoints.FloorOf(_epoch) + (++_position));
            _emitted.Writer.TryWrite(marker);
            var before = BeforeAnswer;
            BeforeAnswer = null;
            if (before is not null)
                await before();
            return marker.Id;
        }

        public ValueTask<WriteCheckpointMarker> NextMarkerAsync() => _emitted.Reader.ReadAsync(TestContext.Current.CancellationToken);

        /// <summary>Waits until somebody has looked in vain.</summary>
        public Task SleepsAsync() => Time.SleepAsync(FirstPause);

        /// <summary>Lets the log have markers that come back in one transaction.</summary>
        public Task AppendAsync(params WriteCheckpointMarker[] markers) =>
            _log.AppendAsync(new TransactionCommitted(null, new ScriptedTransaction(++_position, markers)));

        public async Task ReturnAsync(params WriteCheckpointMarker[] markers)
        {
            await AppendAsync(markers);
            await _log.FlushAsync();
        }

        public async Task<ulong> StoredAsync(string userKey)
        {
            var query = new RecordQuery();
            query.Add(RecordTable.WriteCheckpoint, WriteCheckpointRecord.Key(userKey));
            await _log.Storage.GetAsync(query, TestContext.Current.CancellationToken);
            return query.TryGetValue(0, out var value) ? WriteCheckpointRecord.ReadId(value.Span) : 0;
        }

        public async Task LoseSlotAsync()
        {
            await _log.AppendAsync(new ContinuityLost(
                State(done: true) with { Epoch = ++_epoch }, "slot lost", [new RefreshedTable(Todos, Replaces: 0)]));
        }

        public ValueTask DisposeAsync() => _log.DisposeAsync();
    }
}

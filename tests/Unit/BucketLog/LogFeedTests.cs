using System.Threading.Channels;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Events of the source and the work of deployments, one thing at a time.</summary>
public sealed class LogFeedTests : IDisposable
{
    private const string First = "bucket_definitions:\n  all: {data: [SELECT * FROM todos]}\n";
    private const string Second = "bucket_definitions:\n  all: {data: [SELECT * FROM todos]}\n  more: {data: [SELECT id FROM todos]}\n";

    private readonly Channel<SourceEvent> _source = Channel.CreateUnbounded<SourceEvent>();
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private bool _isDisposed;

    [Fact]
    public async Task Work_is_done_while_no_event_comes()
    {
        await using var fixture = await DeployFixture.OpenAsync(new NullColdStorage(), First);
        var feeding = new LogFeed(fixture.Log, TimeProvider.System).RunAsync(EventsAsync(), taking: null, _stop.Token);
        await _asked.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        var outcome = await fixture.Log.DeployAsync(new DeployRequest(Second, IsFile: false, Lsn.None)).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        _source.Writer.Complete();
        await feeding;

        Assert.Equal(DeployOutcome.Begun, outcome);
        Assert.True(_isDisposed);
    }

    [Fact]
    public async Task Cancelled_while_it_waits_for_an_event_it_ends_as_cancelled_and_disposes_of_the_events()
    {
        await using var fixture = await DeployFixture.OpenAsync(new NullColdStorage(), First);
        var feeding = new LogFeed(fixture.Log, TimeProvider.System).RunAsync(EventsAsync(), taking: null, _stop.Token);
        await _asked.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        await _stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => feeding);
        Assert.True(_isDisposed);
    }

    [Fact]
    public async Task When_the_events_fail_whoever_waits_for_a_deployment_is_told()
    {
        await using var fixture = await DeployFixture.OpenAsync(new NullColdStorage(), First);
        var wish = fixture.Log.DeployAsync(new DeployRequest(Second, IsFile: false, NotBefore: new Lsn(ulong.MaxValue))); // never gets there
        var feeding = new LogFeed(fixture.Log, TimeProvider.System).RunAsync(EventsAsync(), taking: null, _stop.Token);

        _source.Writer.Complete(new InvalidOperationException("the source is broken"));

        await Assert.ThrowsAsync<InvalidOperationException>(() => feeding);
        var told = await Assert.ThrowsAsync<LogStoppedException>(() => wish);
        Assert.Contains("the source is broken", told.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _stop.Dispose();

    private async IAsyncEnumerable<SourceEvent> EventsAsync()
    {
        try
        {
            _asked.TrySetResult();
            await foreach (var sourceEvent in _source.Reader.ReadAllAsync(_stop.Token))
                yield return sourceEvent;
        }
        finally
        {
            _isDisposed = true;
        }
    }
}

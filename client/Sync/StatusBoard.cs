using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace TopGun.Buckets.Client.Sync;

/// <summary>The newest status and those who follow it. A slow follower sees the newest only.</summary>
internal sealed class StatusBoard
{
    private readonly Lock _gate = new();
    private readonly List<Channel<SyncStatus>> _followers = [];
    private SyncStatus _current = new();

    public SyncStatus Current
    {
        get
        {
            lock (_gate)
                return _current;
        }
    }

    public void Update(Func<SyncStatus, SyncStatus> change)
    {
        lock (_gate)
        {
            var changed = change(_current);
            if (changed == _current)
                return;
            _current = changed;
            foreach (var follower in _followers)
                follower.Writer.TryWrite(changed);
        }
    }

    public async IAsyncEnumerable<SyncStatus> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = Channel.CreateBounded<SyncStatus>(new BoundedChannelOptions(capacity: 1)
        {
            FullMode = BoundedChannelFullMode.DropOldest, // the newest says all that the ones before it said
            SingleReader = true,
        });
        lock (_gate)
        {
            _followers.Add(channel);
            channel.Writer.TryWrite(_current);
        }
        try
        {
            while (await channel.Reader.WaitToReadAsync(cancellationToken))
            {
                while (channel.Reader.TryRead(out var status))
                    yield return status;
            }
        }
        finally
        {
            lock (_gate)
                _followers.Remove(channel);
        }
    }

    /// <summary>Ends every follower's sequence.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            foreach (var follower in _followers)
                follower.Writer.TryComplete();
        }
    }
}

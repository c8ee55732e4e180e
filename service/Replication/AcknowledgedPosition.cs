using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>The position up to which the source may forget. Only grows; raised by the store's thread, read by the connection's.</summary>
internal sealed class AcknowledgedPosition
{
    private ulong _value;

    public Lsn Current => new(Interlocked.Read(ref _value));

    public void Raise(Lsn position)
    {
        var current = Interlocked.Read(ref _value);
        while (position.Value > current)
        {
            var seen = Interlocked.CompareExchange(ref _value, position.Value, current);
            if (seen == current)
                return;
            current = seen;
        }
    }

    /// <summary>Starts over, for a slot whose positions have nothing to do with those before.</summary>
    public void Reset(Lsn position) => Interlocked.Exchange(ref _value, position.Value);
}

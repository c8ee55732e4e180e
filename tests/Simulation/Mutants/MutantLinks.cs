using System.Buffers.Binary;
using System.Runtime.InteropServices;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What reading the source's log is made to do wrong.</summary>
internal static class MutantLinks
{
    /// <summary>Takes the mark of a value that did not change for that of a null.</summary>
    public static object? IgnoreUnchanged(string method, object?[] arguments, Func<object?> call) => method == nameof(IReplicationLink.ReadAsync)
        ? NullAsync((ValueTask<WalMessage>)call()!)
        : call();

    /// <summary>Leaves out changes that lie before the newest commit delivered.</summary>
    public static Seam<IReplicationLink>.Around SkipByChangePosition()
    {
        var delivered = Lsn.None;
        return (method, _, call) =>
        {
            return method == nameof(IReplicationLink.ReadAsync) ? ReadAsync() : call();

            async ValueTask<WalMessage> ReadAsync()
            {
                while (true)
                {
                    var message = await (ValueTask<WalMessage>)call()!;
                    if (message.IsKeepalive)
                        return message;
                    var kind = (char)message.Data.Span[0];
                    if (kind is 'I' or 'U' or 'D' && message.Start < delivered)
                        continue;
                    if (kind == 'C' && message.Start > delivered)
                        delivered = message.Start;
                    return message;
                }
            }
        };
    }

    /// <summary>Says of every server that it is on the first timeline.</summary>
    public static object? IgnoreTimeline(string method, object?[] arguments, Func<object?> call) => method == nameof(IReplicationLink.IdentifyAsync)
        ? FirstAsync((ValueTask<SourceIdentity>)call()!)
        : call();

    /// <summary>Puts the end of a transaction, and the beginning of another, behind its first update.</summary>
    public static Seam<IReplicationLink>.Around SplitTransaction()
    {
        var inserted = new Queue<WalMessage>();
        byte[] begin = [];
        var isSplit = false;
        return (method, _, call) =>
        {
            return method == nameof(IReplicationLink.ReadAsync) ? ReadAsync() : call();

            async ValueTask<WalMessage> ReadAsync()
            {
                if (inserted.TryDequeue(out var next))
                    return next;
                var message = await (ValueTask<WalMessage>)call()!;
                if (message.IsKeepalive)
                    return message;
                switch ((char)message.Data.Span[0])
                {
                    case 'B':
                        (begin, isSplit) = (message.Data.ToArray(), false);
                        break;
                    case 'U' when !isSplit:
                        isSplit = true;
                        inserted.Enqueue(new WalMessage(message.Start, message.ServerEnd, CommitOf(begin, message.Start)));
                        inserted.Enqueue(new WalMessage(message.Start, message.ServerEnd, begin));
                        break;
                }
                return message;
            }
        };
    }

    private static async ValueTask<SourceIdentity> FirstAsync(ValueTask<SourceIdentity> identifying) => await identifying with { Timeline = 1 };

    // Begin: 'B', Int64 final LSN, Int64 time, Int32 xid. Commit: 'C', Int8 flags, Int64 LSN, Int64 end LSN, Int64 time.
    private static byte[] CommitOf(byte[] begin, Lsn position)
    {
        var commit = new byte[26];
        commit[0] = (byte)'C';
        BinaryPrimitives.WriteUInt64BigEndian(commit.AsSpan(2), position.Value);
        BinaryPrimitives.WriteUInt64BigEndian(commit.AsSpan(10), position.Value + 1);
        begin.AsSpan(9, 8).CopyTo(commit.AsSpan(18));
        return commit;
    }

    private static async ValueTask<WalMessage> NullAsync(ValueTask<WalMessage> reading)
    {
        var message = await reading;
        if (!message.IsKeepalive && message.Data.Span[0] == 'U' && MemoryMarshal.TryGetArray(message.Data, out var bytes))
            Null(bytes.AsSpan(sizeof(byte) + sizeof(int)));
        return message;
    }

    // ( 'K' | 'O' | 'N', count, ( 'n' | 'u' | 't' length text )* )*
    private static void Null(Span<byte> tuples)
    {
        while (tuples.Length > 0)
        {
            var columns = BinaryPrimitives.ReadInt16BigEndian(tuples[1..]);
            tuples = tuples[3..];
            for (; columns > 0; columns--)
            {
                if (tuples[0] == 'u')
                    tuples[0] = (byte)'n';
                tuples = tuples[(tuples[0] == 't' ? 5 + BinaryPrimitives.ReadInt32BigEndian(tuples[1..]) : 1)..];
            }
        }
    }
}

using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Encodings;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What writing a stream is made to do wrong.</summary>
internal static class MutantLines
{
    private const int LostLine = 7;

    /// <summary>Leaves out a line of operations now and then.</summary>
    public static Seam<ILineEncoding>.Around LoseData()
    {
        var lines = 0;
        return (method, _, call) => method == nameof(ILineEncoding.WriteData) && ++lines % LostLine == 0 ? null : call();
    }

    /// <summary>Tells of a removed bucket with the next diff.</summary>
    public static Seam<ILineEncoding>.Around RevokeLate()
    {
        IReadOnlyList<string> late = [];
        return (method, arguments, call) =>
        {
            if (method == nameof(ILineEncoding.Write) && arguments[1] is CheckpointDiffLine diff)
            {
                arguments[1] = diff with { RemovedBuckets = late };
                late = diff.RemovedBuckets;
            }
            return call();
        };
    }
}

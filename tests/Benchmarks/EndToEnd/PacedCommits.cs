using System.Diagnostics;
using Npgsql;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>Single changes at a steady pace, each with a marker of its own, and when the answer to its commit came.</summary>
/// <param name="first">The first marker.</param>
/// <param name="count">How many are counted, after some that are not.</param>
internal sealed class PacedCommits(long first, int count)
{
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private const int WarmUp = 50;

    private readonly long[] _committed = new long[WarmUp + count];

    public long Last => first + _committed.Length - 1;

    public async Task WriteAsync(BenchmarkSource source, CancellationToken cancellationToken)
    {
        await using var connection = await source.DataSource.OpenConnectionAsync(cancellationToken);
        using var timer = new PeriodicTimer(Interval);
        for (var index = 0; index < _committed.Length; index++)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
            await using var command = new NpgsqlCommand(BenchmarkData.MarkSql(first + index), connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
            _committed[index] = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Reads a stream until it has all of them.</summary>
    /// <returns>The highest marker that each checkpoint covers, and when it was complete.</returns>
    public async Task<List<(long Marker, long At)>> FollowAsync(SyncStream stream, CancellationToken cancellationToken)
    {
        var covered = new List<(long, long)>();
        while (stream.MarkerSeen < Last)
        {
            await stream.ReadCheckpointAsync(cancellationToken);
            covered.Add((stream.MarkerSeen, stream.CompletedAt));
        }
        return covered;
    }

    /// <summary>Commits are in order, so who has a marker has all those below it as well.</summary>
    public Latencies Delays(List<(long Marker, long At)> seen)
    {
        var delays = new Latencies();
        var next = 0;
        foreach (var (marker, at) in seen)
        {
            for (; next < _committed.Length && first + next <= marker; next++)
            {
                if (next >= WarmUp)
                    delays.Add(Stopwatch.GetElapsedTime(_committed[next], at));
            }
        }
        return delays;
    }
}

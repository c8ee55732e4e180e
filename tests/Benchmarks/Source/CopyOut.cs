using System.Diagnostics;
using Npgsql;

namespace TopGun.Buckets.Tests.Benchmarks.Source;

/// <summary>The limit of a snapshot: the same tables read by <c>COPY … TO STDOUT (FORMAT binary)</c>, and thrown away.</summary>
internal static class CopyOut
{
    /// <returns>Rows of all tables in a second.</returns>
    public static async Task<double> RowsPerSecondAsync(BenchmarkSource source, BenchmarkData data, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(source.ConnectionString + ";Pooling=false;Read Buffer Size=1048576");
        await connection.OpenAsync(cancellationToken);
        var buffer = new byte[1 << 20];
        var start = Stopwatch.GetTimestamp();
        foreach (var table in (string[])["lists", "notices", "tasks"])
        {
            await using var copy = await connection.BeginRawBinaryCopyAsync($"COPY {table} TO STDOUT (FORMAT binary)", cancellationToken);
            while (await copy.ReadAsync(buffer, cancellationToken) > 0)
            {
            }
        }
        return data.Rows / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}

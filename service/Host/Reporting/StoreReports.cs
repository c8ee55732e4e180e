using Npgsql;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>What the store holds, as the operator reads it.</summary>
internal static class StoreReports
{
    /// <summary>Where the store is, without secrets.</summary>
    public static string PlaceOf(ServiceSettings settings)
    {
        switch (settings.StoreBackend)
        {
            case StoreBackend.Embedded:
                return Path.GetFullPath(settings.StorePath);
            case StoreBackend.Postgres:
                var address = new NpgsqlConnectionStringBuilder(settings.StoreDatabase);
                return $"{address.Host}/{address.Database}, schema {settings.StoreSchema}";
            default:
                return "nowhere";
        }
    }

    public static IReadOnlyList<BucketReport> Buckets(BucketDirectory directory, int after, int limit, Func<string, bool> isWanted) =>
        [.. directory.List(after, limit, isWanted).Select(static bucket => Describe(bucket.Number, bucket.Name, bucket.Summary))];

    public static BucketReport Bucket(BucketDirectory directory, string name) => Describe(directory.NumberOf(name), name, directory.Find(name));

    /// <summary>Rows that are left out.</summary>
    public static SkippedRowsReport Of(SkippedRowList list) => new(list.OpenCount, list.Unlisted, [.. list.Rows.Select(static row => new SkippedRowReport(
        row.Table, row.Key, row.Bytes, row.Position.ToString(), row.CommittedAt, row.Definition, row.Reason, row.Count, row.Mended?.ToString()))]);

    /// <summary>A bucket that is damaged.</summary>
    public static DamagedBucketReport Of(DamagedBucket bucket) => new(bucket.Name, bucket.Finding, bucket.Since);

    private static BucketReport Describe(int number, string name, BucketSummary summary) =>
        new(number, name, summary.Count, summary.ByteCount, summary.Checksum, summary.LastOpId, summary.Superseded);
}

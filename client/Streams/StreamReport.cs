namespace TopGun.Buckets.Client.Streams;

/// <summary>What is known of all streams at one moment. Reports are made one after the other but may be shown in another order.</summary>
/// <param name="Number">Larger for a later one.</param>
/// <param name="Streams">The streams.</param>
internal sealed record StreamReport(long Number, IReadOnlyList<StreamStatus> Streams);

using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>The <c>config</c> block: the edition and the switches that may override what it implies.</summary>
internal sealed record RulesSettings
{
    public int Edition { get; init; } = 1;

    public bool IsoTimestamps { get; init; }

    public bool VersionedBucketIds { get; init; }

    public bool FixedJsonExtract { get; init; }

    public bool CustomPostgresTypes { get; init; }

    /// <summary>Scalar expressions follow SQLite to the letter.</summary>
    public bool SqliteExact { get; init; }

    /// <summary>SQLite's deterministic functions and LIKE are available. Adds names, so it changes the meaning of no definition that compiles without it.</summary>
    public bool SqliteFunctions { get; init; }

    /// <summary>Bucket definitions may use joins, subqueries and OR over different parameters.</summary>
    public bool ExtendedDefinitions { get; init; }

    /// <summary>Queries may be mappings that say what the id on the client is made of.</summary>
    public bool QueryKeys { get; init; }

    public TimePrecision TimePrecision { get; init; } = TimePrecision.Microseconds;

    public PostgresTime Time => new(IsoTimestamps, TimePrecision);

    /// <summary>What changes the meaning of every definition, in a stable form for fingerprints. Switches that only allow more change none.</summary>
    public string Describe() =>
        $"edition={Edition};iso={IsoTimestamps};json={FixedJsonExtract};types={CustomPostgresTypes};exact={SqliteExact};precision={TimePrecision}";
}

namespace TopGun.Buckets.DemoBackend;

/// <summary>Settings of the demo backend, all from the environment. Those it shares with the service have the service's names.</summary>
internal sealed record DemoSettings
{
    /// <summary>Names of all of them.</summary>
    public static readonly IReadOnlyList<string> Variables =
        ["DEMO_DATABASE", "DEMO_LISTEN", "DEMO_SYNC_URL", "TOPGUN_JWT_SECRET", "TOPGUN_JWT_KID", "TOPGUN_JWT_AUDIENCE"];

    /// <summary>Connection keywords of the app's database, as Npgsql reads them.</summary>
    public required string Database { get; init; }

    public required string Listen { get; init; }

    /// <summary>Where clients find the sync service.</summary>
    public required string SyncUrl { get; init; }

    public required string Secret { get; init; }

    public required string? KeyId { get; init; }

    public required string Audience { get; init; }

    public static DemoSettings Read(IConfiguration environment) => new()
    {
        Database = Required(environment, "DEMO_DATABASE"),
        Listen = environment["DEMO_LISTEN"] ?? "http://127.0.0.1:8081",
        SyncUrl = environment["DEMO_SYNC_URL"] ?? "http://127.0.0.1:8080",
        Secret = Required(environment, "TOPGUN_JWT_SECRET"),
        KeyId = environment["TOPGUN_JWT_KID"] is { Length: > 0 } keyId ? keyId : null,
        Audience = Required(environment, "TOPGUN_JWT_AUDIENCE"),
    };

    private static string Required(IConfiguration environment, string name) =>
        environment[name] is { Length: > 0 } value
            ? value
            : throw new InvalidOperationException($"The environment variable {name} is not set.");
}

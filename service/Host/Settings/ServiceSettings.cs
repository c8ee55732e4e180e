using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Which store keeps the operations.</summary>
internal enum StoreBackend
{
    /// <summary>Files in a folder.</summary>
    Embedded,

    /// <summary>Tables in a Postgres database, which other processes can follow.</summary>
    Postgres,

    /// <summary>Nothing is kept: a restart starts over.</summary>
    Null,
}

/// <summary>What a process of the service does.</summary>
internal enum ServiceRole
{
    /// <summary>Replicates the source into the store, and serves clients.</summary>
    Writer,

    /// <summary>Serves clients from a store that another process writes.</summary>
    Reader,
}

/// <summary>What <c>serve</c> runs with: checked, complete, immutable.</summary>
internal sealed record ServiceSettings
{
    public required SourceAddress Source { get; init; }

    public required string? SourcePasswordFile { get; init; }

    /// <summary>File of the sync rules; null for a reader, which takes them from the store.</summary>
    public required string? RulesPath { get; init; }

    /// <summary>Whether a change of that file is deployed while the service runs.</summary>
    public required bool WatchesRules { get; init; }

    /// <summary>Token of the operator API; null turns it off.</summary>
    public required string? ApiToken { get; init; }

    public required string Publication { get; init; }

    public required long? SlotWalLimit { get; init; }

    public required int RowLimit { get; init; }

    public required StoreBackend StoreBackend { get; init; }

    public required string StorePath { get; init; }

    /// <summary>Database of the Postgres store, in Npgsql's form; null with another backend.</summary>
    public required string? StoreDatabase { get; init; }

    public required string StoreSchema { get; init; }

    public required ServiceRole Role { get; init; }

    public required Uri Listen { get; init; }

    /// <summary>PEM files of certificate and private key; null when <see cref="Listen"/> goes without TLS.</summary>
    public required (string Certificate, string Key)? Tls { get; init; }

    public required byte[]? JwtSecret { get; init; }

    public required string? JwtKeyId { get; init; }

    public required IReadOnlyList<string> Audiences { get; init; }

    public required string? Jwks { get; init; }

    public required long GridBytes { get; init; }

    public required int MaxBuckets { get; init; }

    public required PublishMode Publish { get; init; }

    public required ContinuityPolicy OnContinuityLost { get; init; }

    public required bool UsesDefinitionTrigger { get; init; }

    /// <summary>Reads all settings.</summary>
    /// <exception cref="SettingException">One is missing or wrong.</exception>
    public static ServiceSettings Read(SettingReader reader)
    {
        var secret = reader.Find(SettingList.JwtSecret);
        var jwks = reader.Find(SettingList.Jwks);
        if (secret is null && jwks is null)
            throw SettingException.MissingBoth(SettingList.JwtSecret, SettingList.Jwks);

        var backend = reader.Read(SettingList.StoreBackend);
        var role = reader.Read(SettingList.Role);
        if (role == ServiceRole.Reader && backend != StoreBackend.Postgres)
            throw SettingException.Needs(SettingList.Role, "reader", SettingList.StoreBackend, "postgres");
        var listen = reader.Read(SettingList.Listen);
        return new ServiceSettings
        {
            Source = reader.Read(SettingList.Source),
            SourcePasswordFile = SourceSettings.FindPasswordFile(reader),
            RulesPath = role == ServiceRole.Reader ? null : reader.Read(SettingList.Rules),
            WatchesRules = reader.Read(SettingList.WatchRules),
            ApiToken = reader.Find(SettingList.ApiToken),
            Publication = reader.Read(SettingList.Publication),
            SlotWalLimit = reader.Read(SettingList.SlotWalLimit) is > 0 and var limit ? limit : null,
            RowLimit = reader.Read(SettingList.RowLimit),
            StoreBackend = backend,
            StorePath = reader.Read(SettingList.StorePath),
            StoreDatabase = backend == StoreBackend.Postgres ? reader.Read(SettingList.StoreDatabase).ConnectionString : null,
            StoreSchema = reader.Read(SettingList.StoreSchema),
            Role = role,
            Listen = listen,
            Tls = listen.Scheme == Uri.UriSchemeHttps ? (reader.Read(SettingList.TlsCertificate), reader.Read(SettingList.TlsKey)) : null,
            JwtSecret = secret,
            JwtKeyId = reader.Find(SettingList.JwtKeyId),
            Audiences = reader.ReadList(SettingList.Audience),
            Jwks = jwks,
            GridBytes = reader.Read(SettingList.GridBytes),
            MaxBuckets = reader.Read(SettingList.MaxBuckets),
            Publish = reader.Read(SettingList.Publish),
            OnContinuityLost = reader.Read(SettingList.OnContinuityLost),
            UsesDefinitionTrigger = reader.Read(SettingList.DefinitionTrigger),
        };
    }
}

using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Which store keeps the operations.</summary>
internal enum StoreBackend
{
    /// <summary>Files in a folder.</summary>
    Embedded,

    /// <summary>Nothing is kept: a restart starts over.</summary>
    Null,
}

/// <summary>What <c>serve</c> runs with: checked, complete, immutable.</summary>
internal sealed record ServiceSettings
{
    public required SourceAddress Source { get; init; }

    public required string? SourcePasswordFile { get; init; }

    public required string RulesPath { get; init; }

    public required string Publication { get; init; }

    public required long? SlotWalLimit { get; init; }

    public required StoreBackend StoreBackend { get; init; }

    public required string StorePath { get; init; }

    public required Uri Listen { get; init; }

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

        return new ServiceSettings
        {
            Source = reader.Read(SettingList.Source),
            SourcePasswordFile = SourceSettings.FindPasswordFile(reader),
            RulesPath = reader.Read(SettingList.Rules),
            Publication = reader.Read(SettingList.Publication),
            SlotWalLimit = reader.Read(SettingList.SlotWalLimit) is > 0 and var limit ? limit : null,
            StoreBackend = reader.Read(SettingList.StoreBackend),
            StorePath = reader.Read(SettingList.StorePath),
            Listen = reader.Read(SettingList.Listen),
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

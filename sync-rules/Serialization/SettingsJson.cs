using System.Text.Json;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Serialization;

/// <summary>The settings of a rules file as JSON.</summary>
internal static class SettingsJson
{
    public static void Write(RulesSettings settings, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("edition", settings.Edition);
        json.WriteBoolean("isoTimestamps", settings.IsoTimestamps);
        json.WriteBoolean("versionedBucketIds", settings.VersionedBucketIds);
        json.WriteBoolean("fixedJsonExtract", settings.FixedJsonExtract);
        json.WriteBoolean("customPostgresTypes", settings.CustomPostgresTypes);
        json.WriteBoolean("sqliteExact", settings.SqliteExact);
        json.WriteBoolean("sqliteFunctions", settings.SqliteFunctions);
        json.WriteBoolean("extendedDefinitions", settings.ExtendedDefinitions);
        json.WriteBoolean("queryKeys", settings.QueryKeys);
        json.WriteString("timePrecision", settings.TimePrecision.ToString());
        json.WriteEndObject();
    }

    public static RulesSettings Read(JsonElement json) => new()
    {
        Edition = json.GetProperty("edition").GetInt32(),
        IsoTimestamps = json.GetProperty("isoTimestamps").GetBoolean(),
        VersionedBucketIds = json.GetProperty("versionedBucketIds").GetBoolean(),
        FixedJsonExtract = json.GetProperty("fixedJsonExtract").GetBoolean(),
        CustomPostgresTypes = json.GetProperty("customPostgresTypes").GetBoolean(),
        SqliteExact = json.GetProperty("sqliteExact").GetBoolean(),
        SqliteFunctions = json.GetProperty("sqliteFunctions").GetBoolean(),
        ExtendedDefinitions = json.GetProperty("extendedDefinitions").GetBoolean(),
        QueryKeys = json.GetProperty("queryKeys").GetBoolean(),
        TimePrecision = Enum.Parse<TimePrecision>(json.GetProperty("timePrecision").GetString()!),
    };
}

using System.Globalization;
using System.Text.RegularExpressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Yaml;

// The config block, and the typed scalars of YAML's core schema.
internal sealed partial class RulesFileReader
{
    private const int DefaultPriority = 3;

    public const string ExtendedDefinitionsKey = "extended_bucket_definitions";
    public const string QueryKeysKey = "query_keys";

    private static readonly string[] SettingKeys =
    [
        "edition", "timestamps_iso8601", "versioned_bucket_ids", "fixed_json_extract", "custom_postgres_types",
        "unstable_sqlite_expression_engine", "timestamp_max_precision", "storage_version", "sqlite_functions", ExtendedDefinitionsKey, QueryKeysKey,
    ];

    private RulesSettings ReadSettings(YamlNode node)
    {
        if (node is not YamlMap map)
        {
            Structure(node, $"'config' must be a mapping, not {node.Kind}.");
            return new RulesSettings();
        }
        CheckKeys(map, SettingKeys, "'config'");
        var edition = 1;
        if (Find(map, "edition") is { } editionNode)
        {
            edition = ReadInteger(editionNode) ?? 0;
            if (edition is < 1 or > 3)
            {
                Structure(editionNode, $"'edition' must be 1, 2 or 3, not {editionNode.Kind}.");
                edition = 1;
            }
        }
        CheckStorageVersion(map);
        var isModern = edition >= 2;
        var settings = new RulesSettings
        {
            Edition = edition,
            IsoTimestamps = ReadBoolean(map, "timestamps_iso8601", isModern),
            VersionedBucketIds = ReadBoolean(map, "versioned_bucket_ids", isModern),
            FixedJsonExtract = ReadBoolean(map, "fixed_json_extract", isModern),
            CustomPostgresTypes = ReadBoolean(map, "custom_postgres_types", isModern),
            SqliteExact = ReadBoolean(map, "unstable_sqlite_expression_engine"),
            SqliteFunctions = ReadBoolean(map, "sqlite_functions"),
            ExtendedDefinitions = ReadBoolean(map, ExtendedDefinitionsKey),
            QueryKeys = ReadBoolean(map, QueryKeysKey),
        };
        if (settings.ExtendedDefinitions && edition == 3)
            Structure(Find(map, ExtendedDefinitionsKey)!, $"'{ExtendedDefinitionsKey}' needs edition 1 or 2; streams of edition 3 can do all of it.");
        if (settings.SqliteExact && (edition != 3 || !settings.FixedJsonExtract))
        {
            Structure(Find(map, "unstable_sqlite_expression_engine")!,
                "'unstable_sqlite_expression_engine' needs edition 3 and 'fixed_json_extract'.");
        }
        return Find(map, "timestamp_max_precision") is { } precision
            ? settings with { TimePrecision = ReadPrecision(precision, settings.IsoTimestamps) }
            : settings;
    }

    private void CheckStorageVersion(YamlMap map)
    {
        if (Find(map, "storage_version") is not { } node)
            return;
        switch (ReadInteger(node))
        {
            case 2:
                break;
            case 3:
                _findings.Warning(FindingClass.StorageVersionUnstable, node.Place, "'storage_version' 3 is accepted; it has no effect here.");
                break;
            default:
                Structure(node, $"'storage_version' must be 2 or 3, not {node.Kind}.");
                break;
        }
    }

    private TimePrecision ReadPrecision(YamlNode node, bool iso8601)
    {
        var word = (node as YamlScalar)?.Value ?? "";
        var precision = word switch
        {
            "seconds" => TimePrecision.Seconds,
            "milliseconds" => TimePrecision.Milliseconds,
            "microseconds" => TimePrecision.Microseconds,
            "nanoseconds" => TimePrecision.Nanoseconds,
            _ => (TimePrecision?)null,
        };
        if (precision is null)
        {
            var hint = Suggestion.For(word, ["seconds", "milliseconds", "microseconds", "nanoseconds"]);
            Structure(node, $"'timestamp_max_precision' must be seconds, milliseconds, microseconds or nanoseconds, not {node.Kind}.{hint}");
        }
        else if (!iso8601)
            Structure(node, "'timestamp_max_precision' needs 'timestamps_iso8601'.");
        return precision ?? TimePrecision.Microseconds;
    }

    private int? ReadPriority(YamlNode node)
    {
        if (ReadInteger(node) is { } priority and >= 0 and <= 3)
            return priority;
        Structure(node, $"'priority' must be an integer from 0 to 3, not {node.Kind}.");
        return null;
    }

    private bool ReadBoolean(YamlMap map, string key, bool defaultValue = false)
    {
        if (Find(map, key) is not { } node)
            return defaultValue;
        if (node is YamlScalar { Style: YamlScalarStyle.Plain } scalar)
        {
            if (scalar.Value is "true" or "True" or "TRUE")
                return true;
            if (scalar.Value is "false" or "False" or "FALSE")
                return false;
        }
        Structure(node, $"'{key}' must be true or false, not {node.Kind}.");
        return defaultValue;
    }

    private static int? ReadInteger(YamlNode node) =>
        node is YamlScalar { Style: YamlScalarStyle.Plain } scalar
        && int.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    // https://yaml.org/spec/1.2.2/#1032-tag-resolution
    private static bool IsTyped(string plain) =>
        plain is "" or "~" or "null" or "Null" or "NULL" or "true" or "True" or "TRUE" or "false" or "False" or "FALSE"
        || NumberPattern().IsMatch(plain);

    [GeneratedRegex(@"\A(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\z", RegexOptions.CultureInvariant)]
    private static partial Regex NumberPattern();
}

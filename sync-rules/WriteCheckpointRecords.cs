using System.Globalization;
using System.Text.Json;

namespace TopGun.Buckets.SyncRules;

/// <summary>Reads the write checkpoints that the app's backend writes into a table of the source.</summary>
public static class WriteCheckpointRecords
{
    /// <summary>The highest number of some records; null when none holds one.</summary>
    /// <remarks>A number is a whole one from 1 to 2^63 − 1, or its decimal text; anything else is passed over.</remarks>
    /// <param name="records">Records of a key that <see cref="RuleSet.WriteCheckpointLookups"/> gave.</param>
    public static ulong? Highest(IReadOnlyList<ReadOnlyMemory<byte>> records)
    {
        ulong? highest = null;
        foreach (var record in records)
        {
            if (Read(record.Span) is { } number && (highest is null || number > highest))
                highest = number;
        }
        return highest;
    }

    // [number] or ["number"]
    private static ulong? Read(ReadOnlySpan<byte> record)
    {
        var json = new Utf8JsonReader(record);
        if (!json.Read() || json.TokenType != JsonTokenType.StartArray || !json.Read())
            return null;
        var number = json.TokenType switch
        {
            JsonTokenType.Number when json.TryGetInt64(out var whole) => whole,
            JsonTokenType.String when long.TryParse(json.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var whole) => whole,
            _ => 0,
        };
        return number > 0 ? (ulong)number : null;
    }
}

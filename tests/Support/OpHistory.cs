using System.Text.Json;

namespace TopGun.Buckets.Tests.Support;

/// <summary>Every operation that any client was ever sent: a number denotes one content, for ever and for everybody.</summary>
/// <remarks>Compaction puts a placeholder in the place of an operation, which counts as much as the operation did, or as all of them up to it.</remarks>
public sealed class OpHistory
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Bucket, ulong OpId), string> _contents = [];

    /// <summary>Number of different operations seen.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _contents.Count;
        }
    }

    /// <summary>Notes an operation; false when the same number was seen with another content.</summary>
    public bool TryAdd(string bucket, ulong opId, JsonElement op)
    {
        var content = op.GetRawText();
        lock (_gate)
            return _contents.TryAdd((bucket, opId), content) || _contents[(bucket, opId)] is var known && (known == content || IsPlaceholder(op, known));
    }

    private static bool IsPlaceholder(JsonElement op, string known)
    {
        using var before = JsonDocument.Parse(known);
        return (Kind(op), Kind(before.RootElement)) switch
        {
            ("CLEAR", _) or (_, "CLEAR") => true, // bucket sums tell whether it stands for all before it
            ("MOVE", _) or (_, "MOVE") => op.GetProperty("checksum").GetUInt32() == before.RootElement.GetProperty("checksum").GetUInt32(),
            _ => false,
        };
    }

    private static string? Kind(JsonElement op) => op.GetProperty("op").GetString();
}

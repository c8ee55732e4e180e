using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>The steps of a JSON path.</summary>
internal static class JsonPath
{
    /// <summary>Splits a path. With <c>$</c> it is split at dots; without, it is one key, or in the first edition split at dots too.</summary>
    public static byte[][] Parse(string path, bool splitsPlainKeys)
    {
        if (path.StartsWith('$'))
            return [.. path.Split('.').Skip(1).Select(Encoding.UTF8.GetBytes)];
        return splitsPlainKeys ? [.. path.Split('.').Select(Encoding.UTF8.GetBytes)] : [Encoding.UTF8.GetBytes(path)];
    }

    /// <summary>Follows the steps; nothing when one of them leads nowhere.</summary>
    /// <exception cref="EvaluationException">The text is not JSON.</exception>
    public static bool TryFollow(ReadOnlyMemory<byte> json, byte[][] steps, out ReadOnlyMemory<byte> member)
    {
        JsonReading.Validate(json.Span);
        member = json;
        foreach (var step in steps)
        {
            if (!JsonReading.TryStep(member, step, out member))
                return false;
        }
        return true;
    }
}

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

    /// <summary>Splits a path as SQLite does: <c>$.key</c>, <c>$."key"</c>, <c>$[0]</c>, <c>$[#-1]</c>; without <c>$</c> it is one key.</summary>
    /// <returns>Null when the path is malformed.</returns>
    // https://www.sqlite.org/json1.html#path_arguments
    public static byte[][]? ParseExact(string path)
    {
        if (!path.StartsWith('$'))
            return [Encoding.UTF8.GetBytes(path)];
        var steps = new List<byte[]>();
        var at = 1;
        while (at < path.Length)
        {
            var closing = path[at] switch
            {
                '[' => path.IndexOf(']', at),
                '.' when at + 1 < path.Length && path[at + 1] == '"' => path.IndexOf('"', at + 2),
                '.' => path.AsSpan(at + 1).IndexOfAny('.', '[') is >= 0 and var next ? at + 1 + next : path.Length,
                _ => -1,
            };
            if (closing < 0)
                return null;
            var isQuoted = path[at] == '.' && at + 1 < path.Length && path[at + 1] == '"';
            steps.Add(Encoding.UTF8.GetBytes(path[(at + (isQuoted ? 2 : 1))..closing]));
            at = path[at] == '[' || isQuoted ? closing + 1 : closing;
        }
        return [.. steps];
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

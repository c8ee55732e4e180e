using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>The steps of a JSON path.</summary>
internal static class JsonPath
{
    /// <summary>Splits a path. With <c>$</c> it is split at dots; without, it is one key, or in the first edition split at dots too.</summary>
    public static JsonStep[] Parse(string path, bool splitsPlainKeys)
    {
        if (path.StartsWith('$'))
            return [.. path.Split('.').Skip(1).Select(Named)];
        return splitsPlainKeys ? [.. path.Split('.').Select(Named)] : [Named(path)];
    }

    /// <summary>Splits a path as SQLite does: <c>$.key</c>, <c>$."key"</c>, <c>$[0]</c>, <c>$[#-1]</c>.</summary>
    /// <returns>Null when the path is malformed.</returns>
    // https://www.sqlite.org/json1.html#path_arguments
    public static JsonStep[]? ParseExact(string path)
    {
        if (!path.StartsWith('$'))
            return null;
        var steps = new List<JsonStep>();
        var at = 1;
        while (at < path.Length)
        {
            var step = path[at] == '[' ? ReadPosition(path, ref at) : path[at] == '.' ? ReadMember(path, ref at) : null;
            if (step is null)
                return null;
            steps.Add(step);
        }
        return [.. steps];
    }

    /// <summary>The right side of an arrow in SQLite: a path, or a key, or a position in brackets or as a number, negative from the end.</summary>
    /// <returns>Null when it is a malformed path.</returns>
    public static JsonStep[]? ParseExactArrow(in SqlValue step)
    {
        if (step.Kind == SqlKind.Integer)
            return [PositionOf(step.Integer)];
        var text = Encoding.UTF8.GetString(step.Bytes.Span);
        if (text.StartsWith('$'))
            return ParseExact(text);
        return text.StartsWith('[') && ParseExact("$" + text) is { } positions ? positions : [new JsonStep(Encoding.UTF8.GetBytes(text), JsonStepKind.Member)];
    }

    /// <summary>Follows the steps; nothing when one of them leads nowhere.</summary>
    /// <exception cref="EvaluationException">The text is not JSON.</exception>
    public static bool TryFollow(ReadOnlyMemory<byte> json, JsonStep[] steps, out ReadOnlyMemory<byte> member) =>
        TryFollow(json, isValid: false, steps, out member);

    /// <param name="json">The text.</param>
    /// <param name="isValid">It is known to be JSON.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="member">What they lead to.</param>
    /// <exception cref="EvaluationException">The text is not JSON.</exception>
    public static bool TryFollow(ReadOnlyMemory<byte> json, bool isValid, JsonStep[] steps, out ReadOnlyMemory<byte> member)
    {
        if (!isValid)
            JsonReading.Validate(json.Span);
        member = json;
        foreach (var step in steps)
        {
            if (!JsonReading.TryStep(member, step, out member))
                return false;
        }
        return true;
    }

    private static JsonStep Named(string key) => new(Encoding.UTF8.GetBytes(key), JsonStepKind.MemberOrPosition);

    private static JsonStep PositionOf(long position) => position >= 0
        ? new JsonStep([], JsonStepKind.Position, position)
        : new JsonStep([], JsonStepKind.FromEnd, position == long.MinValue ? long.MaxValue : -position);

    private static JsonStep? ReadMember(string path, ref int at)
    {
        var isQuoted = at + 1 < path.Length && path[at + 1] == '"';
        var start = at + (isQuoted ? 2 : 1);
        var end = isQuoted ? path.IndexOf('"', start) : path.AsSpan(start).IndexOfAny('.', '[') is >= 0 and var next ? start + next : path.Length;
        if (end < 0 || (end == start && !isQuoted))
            return null;
        at = isQuoted ? end + 1 : end;
        return new JsonStep(Encoding.UTF8.GetBytes(path[start..end]), JsonStepKind.Member);
    }

    private static JsonStep? ReadPosition(string path, ref int at)
    {
        var end = path.IndexOf(']', at);
        if (end < 0)
            return null;
        var text = path.AsSpan(at + 1, end - at - 1);
        at = end + 1;
        if (text is "#")
            return new JsonStep([], JsonStepKind.FromEnd, 0);
        var isFromEnd = text.StartsWith("#-");
        return long.TryParse(isFromEnd ? text[2..] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            ? new JsonStep([], isFromEnd ? JsonStepKind.FromEnd : JsonStepKind.Position, position)
            : null;
    }
}

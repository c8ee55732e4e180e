using System.Globalization;
using System.Text;

namespace TopGun.Buckets.SyncRules.Values;

internal enum JsonStepKind : byte
{
    /// <summary>A member of an object, or an element of an array when the key is digits.</summary>
    MemberOrPosition,

    /// <summary>A member of an object only; the first of equal names counts, as in SQLite.</summary>
    Member,

    /// <summary>An element of an array only, from 0.</summary>
    Position,

    /// <summary>An element of an array only, 1 being the last.</summary>
    FromEnd,
}

/// <summary>One step of a JSON path.</summary>
/// <param name="Key">UTF-8 of a member's name.</param>
/// <param name="Kind">What it can lead to.</param>
/// <param name="Offset">Of an element.</param>
internal sealed record JsonStep(byte[] Key, JsonStepKind Kind, long Offset = 0)
{
    /// <summary>Writes the step in one canonical form: its kind, offset and key.</summary>
    public void Print(StringBuilder target) => target
        .Append(' ').Append(Kind).Append(':').Append(Offset.ToString(CultureInfo.InvariantCulture))
        .Append(":'").Append(Encoding.UTF8.GetString(Key).Replace("'", "''", StringComparison.Ordinal)).Append('\'');
}

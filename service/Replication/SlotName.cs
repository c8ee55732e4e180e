using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Names of replication slots: at most 63 of <c>a–z 0–9 _</c>, unique in the whole server.</summary>
internal static class SlotName
{
    private const int MaximumLength = 63;

    /// <summary>A name for the publication of a database: the same at every start, so that a store that lost its state finds the slot it left.</summary>
    public static string For(string database, string publication)
    {
        var plain = publication == "topgun" ? $"topgun_{database}" : $"topgun_{database}_{publication}";
        var name = new StringBuilder(plain.Length);
        foreach (var letter in plain)
            name.Append(letter is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_' ? letter : '_');
        if (name.Length <= MaximumLength && name.ToString() == plain)
            return plain;
        // Two names that became alike, or were cut to the same beginning, keep apart by a checksum.
        var checksum = Crc32C.Compute(Encoding.UTF8.GetBytes(plain)).ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
        return $"{name.ToString(0, Math.Min(name.Length, MaximumLength - 9))}_{checksum}";
    }
}

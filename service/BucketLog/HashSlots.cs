namespace TopGun.Buckets.BucketLog;

/// <summary>
/// The slots of an open-addressed hash table whose entries stand elsewhere: <c>hash &lt;&lt; 32 | (place + 1)</c>, 0 for an empty one, searched
/// from the hash onwards. By the hash most other keys are told apart without looking at them.
/// </summary>
/// <remarks>The number of slots is a power of two, and some are always empty.</remarks>
public static class HashSlots
{
    /// <summary>The slot of an entry.</summary>
    /// <param name="hash">Of its key.</param>
    /// <param name="place">Where it stands, below 2³² − 1.</param>
    public static ulong Of(uint hash, uint place) => ((ulong)hash << 32) | (place + 1);

    /// <summary>Puts the slot of an entry whose key has none yet.</summary>
    public static void Put(ulong[] slots, ulong slot)
    {
        var mask = (uint)slots.Length - 1;
        var probe = (uint)(slot >> 32) & mask;
        while (slots[probe] != 0)
            probe = (probe + 1) & mask;
        slots[probe] = slot;
    }

    /// <summary>Twice as many slots for the same entries.</summary>
    public static ulong[] Doubled(ulong[] slots)
    {
        var larger = new ulong[slots.Length * 2];
        foreach (var slot in slots)
        {
            if (slot != 0)
                Put(larger, slot);
        }
        return larger;
    }
}

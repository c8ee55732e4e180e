using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Compares what the store remembers with what the source says, before anything is read: no gap goes unnoticed.</summary>
internal static class Handshake
{
    /// <summary>Why the stored position cannot be continued from, in a clause; null when it can.</summary>
    /// <param name="state">What the store remembers.</param>
    /// <param name="position">End of the last transaction stored.</param>
    /// <param name="identity">The server we are connected to.</param>
    /// <param name="slot">The slot as the server sees it.</param>
    /// <param name="insertPosition">End of the server's WAL.</param>
    /// <param name="timelineHistory">The history of the server's timeline when it is not the one that is stored.</param>
    /// <param name="begun">End of a transaction of which a part is stored.</param>
    public static string? FindBreak(
        ReplicationState state, Lsn position, SourceIdentity identity, SlotStatus? slot, Lsn insertPosition, string? timelineHistory = null,
        Lsn begun = default)
    {
        var reached = Reached(state, position);
        var depended = begun > reached ? begun : reached;

        if (identity.SystemId != state.SystemId)
            return $"this is another cluster (system identifier {identity.SystemId}, before {state.SystemId})";
        if (identity.Timeline != state.Timeline && !(FindSwitch(timelineHistory, state.Timeline) >= depended))
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the server is on timeline {identity.Timeline}, before on {state.Timeline}: it was failed over or restored, and what is stored goes beyond");
        }
        if (slot is not null && (slot.Plugin != "pgoutput" || slot.Database != identity.Database))
            return $"replication slot '{state.Slot}' is one of plugin '{slot.Plugin}' in database '{slot.Database}'";
        if (FindSlotBreak(state, position, slot) is { } reason)
            return reason;
        if (depended > insertPosition)
            return $"the server's WAL ends at {insertPosition}, before {depended} which is stored";
        return null;
    }

    /// <summary>Why the slot does not lead on from the stored position, in a clause; null when it does.</summary>
    public static string? FindSlotBreak(ReplicationState state, Lsn position, SlotStatus? slot)
    {
        var reached = Reached(state, position);
        if (slot is null)
            return $"replication slot '{state.Slot}' does not exist any more";
        if (slot.WalStatus == "lost")
            return $"replication slot '{state.Slot}' was invalidated: {WhyInvalidated(slot)}";
        return slot.ConfirmedFlush > reached
            ? $"replication slot '{state.Slot}' was confirmed up to {slot.ConfirmedFlush}, beyond {reached} which is stored"
            : null;
    }

    /// <summary>Why a slot was invalidated, in a clause.</summary>
    public static string WhyInvalidated(SlotStatus slot) => slot.InvalidationReason switch
    {
        null or "wal_removed" => "it held back more WAL than max_slot_wal_keep_size",
        "rows_removed" => "rows of the catalogue that it needed were removed",
        "wal_level_insufficient" => "wal_level was lowered",
        "idle_timeout" => "nobody read it for idle_replication_slot_timeout",
        var other => other,
    };

    // Before anything was confirmed the slot stands at its consistent point.
    private static Lsn Reached(ReplicationState state, Lsn position) => position > state.StartPosition ? position : state.StartPosition;

    /// <summary>Where a timeline was left for the next one; null when the server never was on it.</summary>
    private static Lsn? FindSwitch(string? history, uint timeline)
    {
        // Lines of: timeline, position, reason; separated by tabs.
        foreach (var line in (history ?? "").Split('\n'))
        {
            var fields = line.Split('\t');
            if (fields.Length >= 2 && uint.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number == timeline)
                return Lsn.Parse(fields[1]);
        }
        return null;
    }
}

using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Upload;

/// <summary>Decides whether downloaded data may be shown: not while it could be older than the device's own writes.</summary>
/// <remarks>
/// <code>
/// a local write ──▶ target = maximum ──▶ uploaded ──▶ target = number n from the service ──▶ a checkpoint with n or more: open
/// </code>
/// The state is in <c>tg_meta</c> and changes in the transactions that cause it, so that a crash anywhere leaves it right.
/// Every method works inside the caller's transaction on the writing connection.
/// </remarks>
internal static class WriteGate
{
    /// <summary>Why the gate is closed.</summary>
    public static BlockedBy State(Database database)
    {
        if (HasPendingWrites(database))
            return BlockedBy.PendingUploads;
        var target = Read(database, "gate_target") ?? 0;
        return target > (Read(database, "gate_seen") ?? 0) ? BlockedBy.WriteCheckpoint : BlockedBy.Nothing;
    }

    /// <summary>As <see cref="State"/>, to be shown after the commit.</summary>
    public static GateReport Report(Database database, LocalDatabase local) => new(local.NextReport(), State(database));

    /// <summary>Whether every local write is uploaded and only the number of a write checkpoint is missing.</summary>
    public static bool NeedsWriteCheckpoint(Database database) =>
        !HasPendingWrites(database) && Read(database, "gate_target") == LibraryTables.GateMaximum;

    /// <summary>The last number given to an upload entry, by which a local write between two looks shows itself.</summary>
    public static long Sequence(Database database) =>
        database.Prepare("SELECT seq FROM sqlite_sequence WHERE name = 'tg_crud'").RunInt64() ?? 0;

    /// <summary>Takes the number that the service gave, unless the app wrote in the meantime.</summary>
    public static bool SetTarget(Database database, ulong writeCheckpoint, long sequence)
    {
        if (State(database) != BlockedBy.WriteCheckpoint || Sequence(database) != sequence)
            return false;
        Write(database, "gate_target", (long)writeCheckpoint);
        return true;
    }

    /// <summary>Notes the write checkpoint of a checkpoint that has arrived in full.</summary>
    public static void Seen(Database database, ulong writeCheckpoint) => Write(database, "gate_seen", (long)writeCheckpoint);

    /// <summary>Notes the write checkpoint of a checkpoint that is now visible.</summary>
    public static void Applied(Database database, ulong writeCheckpoint) => Write(database, "gate_applied", (long)writeCheckpoint);

    /// <summary>The write checkpoint that the visible data is at.</summary>
    public static ulong? AppliedWriteCheckpoint(Database database) => (ulong?)Read(database, "gate_applied");

    private static bool HasPendingWrites(Database database) =>
        database.Prepare("SELECT EXISTS(SELECT 1 FROM tg_crud WHERE state = 0)").RunInt64() == 1;

    private static long? Read(Database database, string key) =>
        database.Prepare("SELECT value FROM tg_meta WHERE key = ?").Bind(1, key).RunInt64();

    private static void Write(Database database, string key, long value) =>
        database.Prepare("UPDATE tg_meta SET value = ?2 WHERE key = ?1").Bind(1, key).Bind(2, value).Run();
}

using System.Globalization;

namespace TopGun.Buckets.Replication;

/// <summary>What the doctor says of the slot, each state with its remedy.</summary>
internal static class SlotChecks
{
    /// <param name="name">Name of the slot that the service uses.</param>
    /// <param name="slot">The slot, or null when there is none.</param>
    /// <param name="budget">What it holds back.</param>
    /// <param name="open">Transactions that have not ended.</param>
    /// <param name="settings">The server.</param>
    public static IEnumerable<DoctorFinding> OfSlot(
        string name, SlotStatus? slot, SlotBudget? budget, IReadOnlyList<OpenTransaction> open, ServerSettings settings)
    {
        if (slot is null)
        {
            yield return DoctorFinding.Fine($"Slot '{name}' does not exist yet; the service creates it when it starts.");
            if (open.Count > 0)
            {
                yield return Warning(
                    SourceFailure.SlotCreationBlocked,
                    $"Creating slot '{name}' would wait for transactions that have written and not ended.",
                    OpenTransaction.Remedy(open));
            }
        }
        else if (slot.Plugin != "pgoutput" || slot.Database != settings.Database)
        {
            yield return Warning(
                SourceFailure.SlotUnusable,
                $"Slot '{name}' is one of plugin '{slot.Plugin}' in database '{slot.Database}'; the service drops it and creates its own under the name.",
                "Rename what else uses the name, or use another publication, whose name becomes part of the slot's.");
        }
        else if (slot.WalStatus == "lost")
        {
            yield return Warning(
                SourceFailure.SlotUnusable,
                $"Slot '{name}' was invalidated: {Handshake.WhyInvalidated(slot)}. The service reads everything again when it starts.",
                RemedyOfInvalidation(slot));
        }
        else
        {
            foreach (var finding in OfHealthySlot(slot, budget!, open))
                yield return finding;
        }
        if (IsUnlimited(settings))
        {
            yield return Warning(
                SourceFailure.Misconfigured,
                "max_slot_wal_keep_size is -1: while the service is away, the source keeps WAL for it until its disk is full.",
                "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf(); -- as much as the disk can spare");
        }
    }

    private static IEnumerable<DoctorFinding> OfHealthySlot(SlotStatus slot, SlotBudget budget, IReadOnlyList<OpenTransaction> open)
    {
        var state = slot.IsActive
            ? string.Create(CultureInfo.InvariantCulture, $"is read by process {slot.ActivePid}")
            : "is read by nobody at the moment";
        yield return budget.Used >= SlotMeter.FirstWarning || slot.WalStatus == "unreserved"
            ? Warning(
                SourceFailure.SlotUnusable,
                $"Slot '{slot.Name}' {state} and {budget}; beyond that it is lost and everything has to be read again.",
                slot.IsActive || slot.IsHeldByTransaction ? SlotMeter.Remedy(slot, open) : $"Start the service. {SlotMeter.Remedy(slot, open)}")
            : DoctorFinding.Fine($"Slot '{slot.Name}' {state} and {budget}.");
        if (slot.HasFailover == true)
            yield return DoctorFinding.Fine($"Slot '{slot.Name}' may be kept by standbys (sync_replication_slots): after a failover to one of them replication goes on.");
        else if (slot.HasFailover == false)
            yield return DoctorFinding.Fine($"Slot '{slot.Name}' is not kept by standbys: after a failover everything is read again. A slot that the service creates anew is.");
    }

    private static bool IsUnlimited(ServerSettings settings) => settings.Values.GetValueOrDefault("max_slot_wal_keep_size") == "-1";

    private static string RemedyOfInvalidation(SlotStatus slot) => slot.InvalidationReason switch
    {
        "idle_timeout" => "Keep the service running, or raise idle_replication_slot_timeout.",
        "wal_level_insufficient" => "Keep wal_level = logical.",
        "rows_removed" => "Set hot_standby_feedback = on where the slot lives on a standby.",
        _ => "Raise max_slot_wal_keep_size, so that the source keeps WAL for as long as the service may be away.",
    };

    private static DoctorFinding Warning(string code, string sentence, string remedy) => new(code, FindingSeverity.Warning, sentence, remedy);
}

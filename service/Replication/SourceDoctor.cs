using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Looks at a source as the service would before it starts, and tells everything that is wrong at once. Changes nothing.</summary>
public static class SourceDoctor
{
    // Two looks tell how fast a slot fills up, and which transactions do not end.
    private static readonly TimeSpan PaceInterval = TimeSpan.FromSeconds(1);

    /// <summary>Checks server, role, publication, tables and slot.</summary>
    /// <param name="source">The source.</param>
    /// <param name="publication">Name of the publication the service is to use.</param>
    /// <param name="tables">Tables that the sync rules use.</param>
    /// <param name="wantsTrigger">Whether the event trigger is to be there; see <see cref="DefinitionTrigger"/>.</param>
    /// <param name="cancellationToken">Stops the checks.</param>
    /// <returns>What was found, the good and the bad; a source that cannot be reached is a finding too.</returns>
    public static async Task<IReadOnlyList<DoctorFinding>> CheckAsync(
        ISource source, string publication, IReadOnlyList<TablePattern> tables, bool wantsTrigger = false, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var session = await source.OpenSessionAsync(cancellationToken);
            var findings = new List<DoctorFinding>();
            var settings = await session.ReadSettingsAsync(cancellationToken);
            var found = await session.FindPublicationAsync(publication, cancellationToken);
            var infos = await session.FindTablesAsync(tables, cancellationToken);
            var mayBeCreated = settings.CanCreate && infos.All(table => table.IsOwned);
            var slotName = SlotName.For(settings.Database, publication);
            var slot = await session.FindSlotAsync(slotName, cancellationToken);
            findings.AddRange(SourceChecks.OfServer(settings, needsSlot: slot is null));
            findings.AddRange(SourceChecks.OfPublication(publication, found, mayBeCreated));
            findings.AddRange(SourceChecks.OfTables(publication, found, tables, infos));
            findings.AddRange(SourceChecks.OfDefinitionTrigger(await session.HasDefinitionTriggerAsync(cancellationToken), wantsTrigger));
            findings.AddRange(SlotChecks.OfSlot(
                slotName,
                slot,
                slot is null ? null : await MeasureAsync(session, slot, cancellationToken),
                await FindForgottenAsync(session, cancellationToken),
                settings));
            if (findings.All(finding => finding.Severity != FindingSeverity.Error))
                await ConnectAsWalSenderAsync(source, cancellationToken);
            return findings;
        }
        catch (BucketsException failure)
        {
            return [new DoctorFinding(failure.Code, FindingSeverity.Error, failure.Message, Remedy: null)];
        }
    }

    private static async Task<IReadOnlyList<OpenTransaction>> FindForgottenAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        var open = await session.FindOpenTransactionsAsync(cancellationToken);
        if (open.Count == 0)
            return open;
        await Task.Delay(PaceInterval, cancellationToken);
        return [.. open.Intersect(await session.FindOpenTransactionsAsync(cancellationToken))];
    }

    private static async Task<SlotBudget> MeasureAsync(ISourceSession session, SlotStatus slot, CancellationToken cancellationToken)
    {
        var budget = SlotBudget.Of(slot);
        if (budget.Used < SlotMeter.FirstWarning)
            return budget;
        await Task.Delay(PaceInterval, cancellationToken);
        return await session.FindSlotAsync(slot.Name, cancellationToken) is { } later
            ? SlotBudget.Of(later).Since(budget.HeldBytes, PaceInterval)
            : budget;
    }

    // A pooler or a line in pg_hba.conf may let ordinary sessions through and refuse this one.
    private static async Task ConnectAsWalSenderAsync(ISource source, CancellationToken cancellationToken)
    {
        await using var link = await source.OpenReplicationAsync(cancellationToken);
        await link.IdentifyAsync(cancellationToken);
    }
}

using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>The app's backend: writes uploaded transactions to the source, each with its number in the same transaction, so that it counts once.</summary>
internal sealed class UploadBackend(World world, SimRandom random)
{
    private readonly SortedDictionary<string, long> _effects = new(StringComparer.Ordinal);

    /// <summary>Where the newest upload that took effect was committed.</summary>
    public Lsn LastEffect { get; private set; }

    public async Task<UploadOutcome> UploadAsync(UploadTransaction upload, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        if (world.Source.IsDown)
            return UploadOutcome.Retry(reason: "the source is down");
        var transaction = world.Source.Begin();
        try
        {
            var number = upload.Id.ToString(CultureInfo.InvariantCulture);
            if (transaction.State.Rows(TodoApp.Uploads.Name).ContainsKey(SimTable.KeyOf([upload.ClientId, number])))
            {
                transaction.Rollback();
            }
            else
            {
                transaction.Insert(TodoApp.Uploads, SimRow.Of(upload.ClientId, number));
                foreach (var entry in upload.Entries)
                    world.Application.Upload(transaction, entry);
                LastEffect = transaction.Commit();
                world.Counts.Uploads++;
                Note(upload);
                while (world.Source.RunningTransactions.Contains(transaction))
                    await world.Loop.Delay(TimeSpan.FromMilliseconds(1), "backend", cancellationToken);
            }
        }
        catch (SimConflictException)
        {
            transaction.Rollback();
            return UploadOutcome.Retry(reason: "another transaction holds the row");
        }
        await TravelAsync(cancellationToken); // the answer may be lost after the effect
        return UploadOutcome.Done;
    }

    /// <summary>How many transactions of a device have taken effect, those included whose effect the source has lost.</summary>
    public int CountEffects(string clientId) => world.Source.Lost
        .SelectMany(commit => commit.Changes)
        .Where(change => change.NewRow is not null && change.Tables[0] == TodoApp.Uploads)
        .Select(change => change.NewRow!)
        .Concat(world.Source.State.Rows(TodoApp.Uploads.Name).Values)
        .Where(row => row[0] == clientId)
        .Select(row => row[1])
        .Distinct(StringComparer.Ordinal)
        .Count();

    /// <summary>The source has lost some of what it had.</summary>
    public void OnHistoryLost()
    {
        if (LastEffect > world.Source.LastCommit)
            LastEffect = Lsn.None;
    }

    /// <summary>C-UP: what was written once takes effect once.</summary>
    private void Note(UploadTransaction upload)
    {
        foreach (var entry in upload.Entries)
        {
            // Titles are never the same twice.
            if (entry.Data is not { } data || !data.TryGetProperty("title", out var title))
                continue;
            var write = $"{upload.ClientId} {title.GetString()}";
            if (_effects.TryGetValue(write, out var number) && number != upload.Id)
                world.Loop.Fail("C-UP", $"The write \"{write}\" took effect twice, as transaction {number} and as {upload.Id}.");
            _effects[write] = upload.Id;
        }
    }

    private async Task TravelAsync(CancellationToken cancellationToken)
    {
        await world.Loop.Delay(world.NetFaults.Latency(), "backend", cancellationToken);
        if (world.NetFaults.IsDown || (world.IsBreaking && random.Chance(0.02)))
            throw new TransportException("The backend does not answer.");
    }
}

using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>One part of the application: its tables, who sees what of them, and what people do with them.</summary>
/// <remarks>A seed has a random few of them. Each world has its own, so they may remember what happened.</remarks>
internal abstract class Workload
{
    /// <summary>How often it is chosen, beside the others.</summary>
    public abstract int Weight { get; }

    public abstract IReadOnlyList<SimTable> Tables { get; }

    /// <summary>Its bucket definitions, as lines of the rules.</summary>
    public abstract string Definitions { get; }

    /// <summary>What a device has of it.</summary>
    public abstract IReadOnlyList<LocalTable> LocalTables { get; }

    /// <summary>Whether it compares rows byte for byte as the service sends them, which only the table behind a view has.</summary>
    public virtual bool NeedsViews => false;

    /// <summary>Rows without which nothing else can happen.</summary>
    public virtual void Seed(SimTransaction transaction)
    {
    }

    /// <summary>Something that somebody does to the source.</summary>
    public abstract void Change(SimTransaction transaction, Author author);

    /// <summary>Something that somebody does on a device.</summary>
    /// <returns>How many rows it changed.</returns>
    public virtual Task<int> ChangeLocallyAsync(WriteTransaction transaction, SimRandom random, string device) => Task.FromResult(0);

    /// <summary>Takes in what was done on a device, if it is about a table of this workload.</summary>
    public virtual bool Upload(SimTransaction transaction, CrudEntry entry) => false;

    /// <summary>What a user shall see, worked out from the plain rows without any of the product's code, each row as <see cref="NaiveModel.Describe"/> writes it.</summary>
    public abstract void AddVisible(string user, SourceState state, SortedSet<string> rows);

    /// <summary>What a device shows, in the same words.</summary>
    public virtual void AddShown(Database database, SortedSet<string> rows)
    {
        foreach (var table in LocalTables)
        {
            var statement = database.Prepare($"SELECT id, {string.Join(", ", table.Columns.Select(column => column.Name))} FROM {table.Name}");
            while (statement.Step())
                rows.Add(NaiveModel.Describe(table.Name, Enumerable.Range(0, table.Columns.Count + 1).Select(statement.Text)));
        }
    }

    /// <summary>What holds for each state that a device ever shows, whatever it has not uploaded yet; null when there is nothing.</summary>
    /// <returns>Looks at the device, and says what is wrong and by which checker.</returns>
    public virtual Func<(string Checker, string Problem)?>? Watch(Database database, string device) => null;

    /// <summary>Some of what was committed has not been.</summary>
    public virtual void OnHistoryLost(IReadOnlyList<SimCommit> lost)
    {
    }

    /// <summary>Whether the rules give one of its buckets to a user.</summary>
    /// <param name="bucket">Its full name.</param>
    /// <param name="parameter">Its only parameter.</param>
    /// <param name="user">The user.</param>
    /// <param name="state">The source at some commit.</param>
    /// <returns>Null when it is no bucket of this workload.</returns>
    public virtual bool? MaySee(string bucket, string parameter, string user, SourceState state) => null;
}

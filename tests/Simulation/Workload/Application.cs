using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>What one seed has of workloads, and what follows from it: tables, rules, and what devices hold.</summary>
internal sealed class Application
{
    private readonly List<Workload> _turns = [];

    public Application(IReadOnlyList<Workload> workloads)
    {
        Workloads = workloads;
        Tables = [.. workloads.SelectMany(workload => workload.Tables), TodoApp.Uploads];
        RulesForms = [.. Enumerable.Range(0, 4).Select(Rules)];
        foreach (var workload in workloads)
            _turns.AddRange(Enumerable.Repeat(workload, workload.Weight));
    }

    public IReadOnlyList<Workload> Workloads { get; }

    /// <summary>Tables of the source; the last is the backend's own, and not published.</summary>
    public IReadOnlyList<SimTable> Tables { get; }

    /// <summary>Rules that give everybody the same rows, by definitions of other names: their buckets, or their parameter index, are others.</summary>
    public IReadOnlyList<string> RulesForms { get; }

    /// <summary>A random few workloads, at least one.</summary>
    public static Application Of(SimRandom random)
    {
        List<Workload> chosen = [];
        if (random.Chance(0.75))
            chosen.Add(new TodoWorkload());
        if (random.Chance(0.35))
            chosen.Add(new Registers());
        if (random.Chance(0.35))
            chosen.Add(new Bank());
        if (random.Chance(0.25))
            chosen.Add(new ValueZoo());
        if (random.Chance(0.15))
            chosen.Add(new Shelves(random));
        if (chosen.Count == 0)
            chosen.Add(new TodoWorkload());
        return new Application(chosen);
    }

    /// <summary>A version of the app: what devices hold is the same in all of them, not the form.</summary>
    public LocalSchema Version(SimRandom random) =>
        new([.. Workloads.SelectMany(workload => workload.LocalTables.Select(table => table with
        {
            Storage = !workload.NeedsViews && random.Chance(0.3) ? TableStorage.Native : TableStorage.View,
        }))]);

    /// <summary>Whose turn it is.</summary>
    public Workload Pick(SimRandom random) => _turns.Count == 1 ? _turns[0] : random.Pick(_turns);

    /// <summary>Every row that a user shall see.</summary>
    public SortedSet<string> VisibleTo(string user, SourceState state)
    {
        var rows = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var workload in Workloads)
            workload.AddVisible(user, state, rows);
        return rows;
    }

    /// <summary>Every row that a device shows.</summary>
    public SortedSet<string> ShownBy(Database database)
    {
        var rows = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var workload in Workloads)
            workload.AddShown(database, rows);
        return rows;
    }

    /// <summary>Takes in what was done on a device.</summary>
    public void Upload(SimTransaction transaction, CrudEntry entry)
    {
        if (!Workloads.Any(workload => workload.Upload(transaction, entry)))
            throw new ArgumentException($"Nobody writes to {entry.Table} on a device.", nameof(entry));
    }

    private string Rules(int form)
    {
        var number = 0;
        var lines = Workloads.SelectMany(workload => workload.Definitions.Split('\n')).Select(line =>
        {
            // A definition's name stands alone, two columns in.
            var isName = line.StartsWith("  ", StringComparison.Ordinal) && line[2] != ' ';
            return isName && IsRenamed(form, number++) ? string.Create(CultureInfo.InvariantCulture, $"  v{form}_{line[2..]}") : line;
        });
        return $"bucket_definitions:\n{string.Join('\n', lines)}\n";
    }

    private static bool IsRenamed(int form, int definition) => form switch
    {
        0 => false,
        3 => definition % 3 != 0,
        _ => definition % 3 == form - 1,
    };
}

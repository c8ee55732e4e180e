using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>
/// Registers that only grow: everybody reads all of them and then writes some, with a number that nobody has used. Whoever sees a number has to see
/// all that its author saw (C-CAUSAL), on whatever device and by whatever way it came.
/// </summary>
internal sealed class Registers : Workload
{
    private const int Count = 5;

    private static readonly SimTable Table = new(16_410, "registers", ReplicaIdentity.Default, SimTable.Key("id"), SimTable.Int("n"));

    private readonly Dictionary<long, long[]> _seenBy = []; // what each number's author saw, and wrote
    private readonly Dictionary<string, long[]> _shown = new(StringComparer.Ordinal); // by device
    private readonly HashSet<long> _lost = []; // of commits that have not been: who shows one is yet to learn of it
    private long _last;

    public override int Weight => 2;

    public override IReadOnlyList<SimTable> Tables => [Table];

    public override string Definitions => """
          low_registers:
            data:
              - SELECT id, n FROM registers WHERE id < 'r2'
          high_registers:
            data:
              - SELECT id, n FROM registers WHERE id >= 'r2'
        """;

    public override IReadOnlyList<LocalTable> LocalTables { get; } = [new LocalTable(Table.Name, LocalColumn.Integer("n"))];

    public override void Seed(SimTransaction transaction)
    {
        for (var number = 0; number < Count; number++)
            transaction.Insert(Table, SimRow.Of(Id(number), "0"));
    }

    public override void Change(SimTransaction transaction, Author author)
    {
        var rows = transaction.State.Rows(Table.Name);
        if (rows.Count < Count)
            return;
        var seen = Enumerable.Range(0, Count).Select(number => Parse(rows[Id(number)][1]!)).ToArray();
        var next = TakeNumber(seen, author.Random, out var written);
        foreach (var number in written)
            Raise(transaction, Id(number), next);
    }

    public override async Task<int> ChangeLocallyAsync(WriteTransaction transaction, SimRandom random, string device)
    {
        var seen = await transaction.QueryAsync<long>("SELECT n FROM registers ORDER BY id");
        if (seen.Count < Count)
            return 0;
        var next = TakeNumber([.. seen], random, out var written);
        var changed = 0;
        foreach (var number in written)
            changed += await transaction.ExecuteAsync("UPDATE registers SET n = ? WHERE id = ?", [next, Id(number)]);
        return changed;
    }

    public override bool Upload(SimTransaction transaction, CrudEntry entry)
    {
        if (entry.Table != Table.Name)
            return false;
        Raise(transaction, entry.Id, entry.Data!.Value.GetProperty("n").GetInt64());
        return true;
    }

    public override void AddVisible(string user, SourceState state, SortedSet<string> rows)
    {
        foreach (var register in state.Rows(Table.Name).Values)
            rows.Add(NaiveModel.Describe(Table.Name, register.Values));
    }

    public override Func<(string Checker, string Problem)?> Watch(Database database, string device)
    {
        var reading = database.Keep("SELECT n FROM registers ORDER BY id");
        return () =>
        {
            var shown = new long[Count];
            var count = 0;
            for (; reading.Step() && count < Count; count++)
                shown[count] = reading.Int64(0);
            reading.Reset();
            return Check(device, shown, count) is { } problem ? ("C-CAUSAL", problem) : null;
        };
    }

    public override void OnHistoryLost(IReadOnlyList<SimCommit> lost)
    {
        _seenBy.Clear();
        _shown.Clear();
        foreach (var change in lost.SelectMany(commit => commit.Changes).Where(change => change.NewRow is not null && change.Tables[0] == Table))
            _lost.Add(Parse(change.NewRow![1]!));
    }

    private string? Check(string device, long[] shown, int count)
    {
        if (shown.Any(_lost.Contains))
            return null;
        if (!_shown.TryGetValue(device, out var before))
        {
            if (count < Count)
                return null; // nothing has been downloaded
            before = new long[Count];
        }
        if (count < Count)
            return $"{device} shows {count} registers, and had shown {Count}.";
        _shown[device] = shown;
        for (var number = 0; number < Count; number++)
        {
            if (shown[number] < before[number])
                return $"{device} shows {shown[number]} in {Id(number)}, and had shown {before[number]}.";
            if (!_seenBy.TryGetValue(shown[number], out var seen))
                continue;
            for (var other = 0; other < Count; other++)
            {
                if (shown[other] < seen[other])
                    return $"{device} shows {shown[number]} in {Id(number)}, whose author had seen {seen[other]} in {Id(other)}, and there shows {shown[other]}.";
            }
        }
        return null;
    }

    /// <summary>Takes a new number for some registers.</summary>
    private long TakeNumber(long[] seen, SimRandom random, out IReadOnlyList<int> written)
    {
        var next = ++_last;
        var chosen = new SortedSet<int>();
        for (var count = random.Between(1, 3); count > 0; count--)
            chosen.Add(random.Below(Count));
        if (!seen.Any(_lost.Contains))
            _seenBy[next] = seen;
        foreach (var number in chosen)
            seen[number] = next;
        written = [.. chosen];
        return next;
    }

    private static void Raise(SimTransaction transaction, string id, long to) => transaction.Update(
        Table, id, row => row.With(1, Math.Max(Parse(row[1]!), to).ToString(CultureInfo.InvariantCulture)));

    private static string Id(int number) => string.Create(CultureInfo.InvariantCulture, $"r{number}");

    private static long Parse(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}

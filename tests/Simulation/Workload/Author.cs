using System.Globalization;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>Somebody who writes to the source: what they pick and what words they find.</summary>
internal sealed class Author(SimPostgres source, SimRandom random, WorkloadShape shape, int firstNumber)
{
    private int _counter = firstNumber;

    public SimPostgres Source { get; } = source;

    public SimRandom Random { get; } = random;

    public WorkloadShape Shape { get; } = shape;

    public void Delete(SimTransaction transaction, SimTable table)
    {
        if (AnyKey(transaction, table) is { } key)
            transaction.Delete(table, key);
    }

    public string? AnyKey(SimTransaction transaction, SimTable table)
    {
        var rows = transaction.State.Rows(table.Name);
        return rows.Count == 0 ? null : rows.Keys.ElementAt(Random.Below(rows.Count));
    }

    public string AnyList() => string.Create(CultureInfo.InvariantCulture, $"list-{Random.Below(Shape.Lists)}");

    public string AnyUser() => string.Create(CultureInfo.InvariantCulture, $"user-{Random.Below(Shape.Users)}");

    public string NewId(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{Random.NextUInt64() % 1_000_000:D6}");

    public string SmallId(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{Random.Below(6)}");

    public string Word(string kind) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind} \"{_counter++}\" \\ ü{(Random.Chance(0.1) ? "\n" : "")}");

    public string LongText(int length = SimTable.ToastLength) => string.Create(CultureInfo.InvariantCulture, $"{_counter++} ") + new string('x', length);

    public string Number() => Random.Chance(0.05)
        ? long.MaxValue.ToString(CultureInfo.InvariantCulture)
        : Random.Below(1000).ToString(CultureInfo.InvariantCulture);
}

using System.Collections.Immutable;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>The committed rows of every table at one instant; keeping an old one costs nothing.</summary>
/// <param name="Tables">Rows by table name, then by key.</param>
internal sealed record SourceState(ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, SimRow>> Tables)
{
    public static readonly ImmutableSortedDictionary<string, SimRow> NoRows =
        ImmutableSortedDictionary.Create<string, SimRow>(StringComparer.Ordinal);

    public static readonly SourceState Empty =
        new(ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, SimRow>>(StringComparer.Ordinal));

    public ImmutableSortedDictionary<string, SimRow> Rows(string table) => Tables.GetValueOrDefault(table, NoRows);

    public SourceState With(string table, string key, SimRow? row) => With(
        table,
        row is null ? Rows(table).Remove(key) : Rows(table).SetItem(key, row));

    public SourceState With(string table, ImmutableSortedDictionary<string, SimRow> rows) => new(Tables.SetItem(table, rows));
}

/// <summary>One version of a row: texts by column position, null for SQL null.</summary>
internal sealed record SimRow(ImmutableArray<string?> Values)
{
    /// <summary>Where the version lies in its table's file.</summary>
    public long Block { get; init; }

    public string? this[int column] => Values[column];

    public static SimRow Of(params string?[] values) => new([.. values]);

    public SimRow With(int column, string? value) => this with { Values = Values.SetItem(column, value) };
}

using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>A table of the simulated source.</summary>
internal sealed class SimTable
{
    /// <summary>Values at least this long live out of line: an update that does not touch them does not send them.</summary>
    public const int ToastLength = 40;

    private readonly int[] _key;

    public SimTable(uint relationId, string name, ReplicaIdentity identity, params SourceColumn[] columns)
    {
        Table = new SourceTable(relationId, "public", name, columns, identity);
        _key = [.. Enumerable.Range(0, columns.Length).Where(column => columns[column].IsKey)];
    }

    public SourceTable Table { get; }

    public string Name => Table.Name;

    public IReadOnlyList<int> KeyColumns => _key;

    public static SourceColumn Key(string name) => new(name, TypeId: 25, TypeModifier: -1, IsKey: true);

    public static SourceColumn Text(string name) => new(name, TypeId: 25, TypeModifier: -1, IsKey: false);

    public static SourceColumn Int(string name) => new(name, TypeId: 20, TypeModifier: -1, IsKey: false);

    public static SourceColumn Bool(string name) => new(name, TypeId: 16, TypeModifier: -1, IsKey: false);

    public string KeyOf(SimRow row) => KeyOf([.. _key.Select(column => row[column] ?? "")]);

    /// <summary>Key texts in one string that sorts as the columns do.</summary>
    public static string KeyOf(IReadOnlyList<string> texts) => string.Join('\0', texts);
}

using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Keeps everything a row produces, in order, as text.</summary>
internal sealed class CollectingSink : IRowSink
{
    public List<string> Lines { get; } = [];

    public List<(string Key, byte[] Record)> Lookups { get; } = [];

    public void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data) =>
        Lines.Add($"row {Text(table)} {Text(id)} {Text(data)}");

    public void Bucket(ReadOnlySpan<byte> name) => Lines.Add($"bucket {Text(name)}");

    public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record)
    {
        Lookups.Add((Text(key), record.ToArray()));
        Lines.Add($"lookup {Text(key)} {Text(record)}");
    }

    public void Error(RowError error) => Lines.Add($"error {error.Kind} {error.Definition}");

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}

using System.Text;

namespace TopGun.Buckets.SyncRules.Vectors;

/// <summary>Collects what rows produce.</summary>
internal sealed class VectorSink : IRowSink
{
    private (string Table, string Id, string Data) _current;

    public int Row { get; set; }

    public List<(int Row, string Bucket, string Table, string Id, string Data)> Entries { get; } = [];

    public List<(int Row, string Key, byte[] Record)> Lookups { get; } = [];

    public List<(int Row, RowErrorKind Kind)> Errors { get; } = [];

    void IRowSink.Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data) =>
        _current = (Encoding.UTF8.GetString(table), Encoding.UTF8.GetString(id), Encoding.UTF8.GetString(data));

    public void Bucket(ReadOnlySpan<byte> name) =>
        Entries.Add((Row, Encoding.UTF8.GetString(name), _current.Table, _current.Id, _current.Data));

    public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record) =>
        Lookups.Add((Row, Encoding.UTF8.GetString(key), record.ToArray()));

    public void Error(RowError error) => Errors.Add((Row, error.Kind));
}

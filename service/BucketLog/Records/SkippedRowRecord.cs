using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>How rows left out lie in <see cref="RecordTable.Meta"/>, because they outlive a new snapshot. One record for each row.</summary>
/// <remarks>
/// <code>
/// key    := "skipped-row:" │ hash of table and row key (16 bytes) │
/// value  := │ table │ key text │ bytes │ position │ committed at + 1, or 0 │ definition │ reason │ count │ mended + 1, or 0 │ row key │ 0, or 1 when that is its hash │
/// total  := "skipped-rows" → │ unlisted │                             numbers are varints, texts and keys have their lengths
/// </code>
/// </remarks>
internal static class SkippedRowRecord
{
    public static ReadOnlySpan<byte> Prefix => "skipped-row:"u8;

    public static ReadOnlySpan<byte> TotalKey => "skipped-rows"u8;

    /// <summary>The record's key: the same for the row of a table whatever number the table has.</summary>
    public static byte[] KeyOf(string table, ReadOnlySpan<byte> rowKey)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(table));
        hash.AppendData([0]);
        hash.AppendData(rowKey[sizeof(uint)..]);
        return [.. Prefix, .. hash.GetHashAndReset().AsSpan(0, 16)];
    }

    public static void Put(RecordChanges records, byte[] key, SkippedRow row, ReadOnlySpan<byte> rowKey, bool isWhole)
    {
        var output = new ArrayBufferWriter<byte>(256);
        output.WriteText(row.Table);
        output.WriteText(row.Key);
        output.WriteVarint((ulong)row.Bytes);
        output.WriteVarint(row.Position.Value);
        output.WriteVarint(row.CommittedAt is { } at ? (ulong)at.ToUnixTimeMilliseconds() + 1 : 0);
        output.WriteText(row.Definition);
        output.WriteText(row.Reason);
        output.WriteVarint((ulong)row.Count);
        output.WriteVarint(row.Mended is { } mended ? mended.Value + 1 : 0);
        output.WriteBlob(rowKey);
        output.WriteByte(isWhole ? (byte)0 : (byte)1);
        records.Put(RecordTable.Meta, key, output.WrittenSpan);
    }

    public static void PutTotal(RecordChanges records, long unlisted)
    {
        var output = new ArrayBufferWriter<byte>(16);
        output.WriteVarint((ulong)unlisted);
        records.Put(RecordTable.Meta, TotalKey, output.WrittenSpan);
    }

    public static (SkippedRow Row, byte[] RowKey, bool IsWhole) Read(ReadOnlySpan<byte> value)
    {
        var reader = new RecordReader(value);
        var row = new SkippedRow
        {
            Table = reader.ReadText(),
            Key = reader.ReadText(),
            Bytes = (long)reader.ReadVarint(),
            Position = new Lsn(reader.ReadVarint()),
            CommittedAt = reader.ReadVarint() is > 0 and var at ? DateTimeOffset.FromUnixTimeMilliseconds((long)at - 1) : null,
            Definition = reader.ReadText(),
            Reason = reader.ReadText(),
            Count = (long)reader.ReadVarint(),
            Mended = reader.ReadVarint() is > 0 and var mended ? new Lsn(mended - 1) : null,
        };
        return (row, reader.ReadBlob().ToArray(), reader.ReadByte() == 0);
    }

    public static long ReadTotal(ReadOnlySpan<byte> value) => (long)new RecordReader(value).ReadVarint();
}

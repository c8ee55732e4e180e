using System.Buffers;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class SourceTypeRecordTests
{
    private static readonly SourceType Number = new(SourceTypeKind.Base, 23, []);

    private static readonly SourceType Nested = new(
        SourceTypeKind.Composite,
        50001,
        [
            new("é", new SourceType(SourceTypeKind.Array, 50002, [new("", Number)]) { Delimiter = ';' }),
            new("b", new SourceType(SourceTypeKind.Multirange, 50003, [new("", new SourceType(SourceTypeKind.Range, 50004, [new("", Number)]))])),
        ]);

    [Fact]
    public void A_type_is_read_as_it_was_written()
    {
        var written = Written(Nested);
        var reader = new RecordReader(written);

        var read = SourceTypeRecord.Read(ref reader);

        Assert.Equal(Nested, read);
        Assert.True(reader.Rest.IsEmpty);
        Assert.NotEqual(Nested, Nested with { Members = [.. Nested.Members.Reverse()] });
    }

    [Fact]
    public void A_damaged_record_is_named_as_such()
    {
        var written = Written(Nested);
        var endless = Enumerable.Repeat<byte[]>([2, 1, 44, 1, 0], 200).SelectMany(part => part).ToArray(); // each the one member of the one before

        for (var length = 0; length < written.Length; length++)
            Assert.ThrowsAny<BucketsException>(() => Read(written[..length]));
        Assert.ThrowsAny<BucketsException>(() => Read(endless));
    }

    private static byte[] Written(SourceType type)
    {
        var output = new ArrayBufferWriter<byte>();
        SourceTypeRecord.Write(output, type);
        return output.WrittenSpan.ToArray();
    }

    private static SourceType Read(byte[] record)
    {
        var reader = new RecordReader(record);
        return SourceTypeRecord.Read(ref reader);
    }
}

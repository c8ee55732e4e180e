using System.Buffers;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Bson;
using TopGun.Buckets.Protocol.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

public class BsonLineWriterTests
{
    [Theory]
    [MemberData(nameof(SyncLineWriterTests.Lines), MemberType = typeof(SyncLineWriterTests))]
    public void A_line_says_the_same_as_in_JSON(SyncLine line, string json)
    {
        var output = new ArrayBufferWriter<byte>();

        BsonLineWriter.Write(output, line);

        Assert.True(JsonElement.DeepEquals(Parse(json), Parse(BsonText.ToJson(output.WrittenSpan))));
    }

    [Fact]
    public void Every_field_has_the_type_that_clients_read()
    {
        var checkpoint = new CheckpointLine(
            new OpId(41), 7,
            [new BucketDescription("b[]", uint.MaxValue, 4, 3, [new BucketReason(IsDefault: true, 0), new BucketReason(IsDefault: false, 1)])],
            [new StreamDescription("s", true, [new StreamError(0, "no"), new StreamError(null, "no")])]);
        var output = new ArrayBufferWriter<byte>();

        BsonLineWriter.Write(output, checkpoint);

        Assert.Equal(
            [
                "checkpoint:document", "checkpoint.last_op_id:string", "checkpoint.write_checkpoint:string",
                "checkpoint.buckets:array", "checkpoint.buckets.0:document", "checkpoint.buckets.0.bucket:string", "checkpoint.buckets.0.checksum:int64",
                "checkpoint.buckets.0.count:int64", "checkpoint.buckets.0.priority:int32", "checkpoint.buckets.0.subscriptions:array",
                "checkpoint.buckets.0.subscriptions.0:document", "checkpoint.buckets.0.subscriptions.0.default:int32",
                "checkpoint.buckets.0.subscriptions.1:document", "checkpoint.buckets.0.subscriptions.1.sub:int32",
                "checkpoint.streams:array", "checkpoint.streams.0:document", "checkpoint.streams.0.name:string",
                "checkpoint.streams.0.is_default:boolean", "checkpoint.streams.0.errors:array",
                "checkpoint.streams.0.errors.0:document", "checkpoint.streams.0.errors.0.subscription:int32", "checkpoint.streams.0.errors.0.message:string",
                "checkpoint.streams.0.errors.1:document", "checkpoint.streams.0.errors.1.subscription:string", "checkpoint.streams.0.errors.1.message:string",
            ],
            BsonText.Types(output.WrittenSpan));
    }

    [Fact]
    public void The_fields_of_operations_have_the_types_that_clients_read()
    {
        var (put, clear) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        OpFragment.WritePut(put, "todos"u8, "t1"u8, "k"u8, """{"id":"t1"}"""u8);
        OpFragment.WritePlaceholder(clear, OpKind.Clear, uint.MaxValue);
        var output = new ArrayBufferWriter<byte>();

        var line = new BsonDataLineWriter(output, "b[]", new OpId(1), new OpId(3), hasMore: true, opCount: 2, put.WrittenCount + clear.WrittenCount);
        line.Add(new OpId(2), put.WrittenSpan);
        line.Add(new OpId(3), clear.WrittenSpan);
        line.End();

        Assert.Equal(
            [
                "data:document", "data.bucket:string", "data.after:string", "data.next_after:string", "data.has_more:boolean", "data.data:array",
                "data.data.0:document", "data.data.0.op_id:string", "data.data.0.op:string", "data.data.0.object_type:string",
                "data.data.0.object_id:string", "data.data.0.subkey:string", "data.data.0.data:string", "data.data.0.checksum:int64",
                "data.data.1:document", "data.data.1.op_id:string", "data.data.1.op:string", "data.data.1.checksum:int64",
            ],
            BsonText.Types(output.WrittenSpan));
    }

    [Fact]
    public void Whatever_a_row_holds_is_the_same_as_in_JSON()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 500; round++)
        {
            var fragments = Enumerable.Range(0, random.Next(1, 6)).Select(_ => RandomFragment(random)).ToList();
            var (json, bson) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());

            // Too small an estimate of the size must not matter.
            var jsonLine = new DataLineWriter(json, "1#b[\"\\\"\"]", OpId.None, new OpId(99), hasMore: false, rawData: true);
            var bsonLine = new BsonDataLineWriter(bson, "1#b[\"\\\"\"]", OpId.None, new OpId(99), hasMore: false, opCount: 0, fragmentBytes: 0);
            for (var index = 0; index < fragments.Count; index++)
            {
                jsonLine.Add(new OpId((ulong)index + 1), fragments[index]);
                bsonLine.Add(new OpId((ulong)index + 1), fragments[index]);
            }
            jsonLine.End();
            bsonLine.End();

            Assert.True(
                JsonElement.DeepEquals(Parse(Encoding.UTF8.GetString(json.WrittenSpan)), Parse(BsonText.ToJson(bson.WrittenSpan))), $"seed {seed}, round {round}");
        }
    }

    internal static byte[] RandomFragment(Random random)
    {
        var buffer = new ArrayBufferWriter<byte>();
        switch (random.Next(4))
        {
            case 0:
                OpFragment.WriteRemove(buffer, RandomText(random), RandomText(random), RandomText(random));
                break;
            case 1:
                OpFragment.WritePlaceholder(buffer, random.Next(2) == 0 ? OpKind.Move : OpKind.Clear, (uint)random.NextInt64(1L << 32));
                break;
            default:
                OpFragment.WritePut(buffer, RandomText(random), RandomText(random), RandomText(random), RandomText(random));
                break;
        }
        return buffer.WrittenSpan.ToArray();
    }

    internal static byte[] RandomText(Random random)
    {
        string[] pieces = ["a", "\"", "\\", "\n", "\t", "\r", "\0", "\u001f", "é", "\u2028", "😀", ":", "\",\"checksum\":1}", "\\u0041"];
        return Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => pieces[random.Next(pieces.Length)])));
    }

    private static JsonElement Parse(string json) => JsonElement.Parse(json);
}

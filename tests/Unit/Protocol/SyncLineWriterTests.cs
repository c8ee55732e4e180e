using System.Buffers;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

/// <summary>The lines byte for byte: clients compare keys as bytes and know only these.</summary>
public class SyncLineWriterTests
{
    private static readonly BucketDescription Lists = new(
        "2#lists[\"u1\"]", 3557253125, 4, 3, [new BucketReason(IsDefault: true, 0)]);

    public static TheoryData<SyncLine, string> Lines => new()
    {
        {
            new CheckpointLine(
                new OpId(41), 7,
                [Lists, new BucketDescription("2#todos|0[\"l9\"]", 0, 0, 1, [new BucketReason(IsDefault: false, 0), new BucketReason(IsDefault: true, 1)])],
                [new StreamDescription("lists", true, []), new StreamDescription("todos", false, [new StreamError(0, "must be \"text\""), new StreamError(null, "no")])]),
            """{"checkpoint":{"last_op_id":"41","write_checkpoint":"7","buckets":[{"bucket":"2#lists[\"u1\"]","checksum":3557253125,"count":4,"priority":3,"subscriptions":[{"default":0}]},{"bucket":"2#todos|0[\"l9\"]","checksum":0,"count":0,"priority":1,"subscriptions":[{"sub":0},{"default":1}]}],"streams":[{"name":"lists","is_default":true,"errors":[]},{"name":"todos","is_default":false,"errors":[{"subscription":0,"message":"must be \"text\""},{"subscription":"default","message":"no"}]}]}}"""
        },
        {
            new CheckpointLine(OpId.None, null, [], []),
            """{"checkpoint":{"last_op_id":"0","buckets":[],"streams":[]}}"""
        },
        {
            new CheckpointDiffLine(new OpId(44), 8, [Lists], ["2#old[]", "2#older[\"é\"]"]),
            """{"checkpoint_diff":{"last_op_id":"44","write_checkpoint":"8","removed_buckets":["2#old[]","2#older[\"é\"]"],"updated_buckets":[{"bucket":"2#lists[\"u1\"]","checksum":3557253125,"count":4,"priority":3,"subscriptions":[{"default":0}]}]}}"""
        },
        { new CheckpointDiffLine(new OpId(44), null, [], []), """{"checkpoint_diff":{"last_op_id":"44","removed_buckets":[],"updated_buckets":[]}}""" },
        { new CheckpointCompleteLine(new OpId(long.MaxValue)), """{"checkpoint_complete":{"last_op_id":"9223372036854775807"}}""" },
        { new PartialCheckpointCompleteLine(new OpId(44), 1), """{"partial_checkpoint_complete":{"last_op_id":"44","priority":1}}""" },
        { new TokenExpiresInLine(1740), """{"token_expires_in":1740}""" },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_line_is_written_as_clients_know_it(SyncLine line, string expected)
    {
        var output = new ArrayBufferWriter<byte>();

        SyncLineWriter.Write(output, line);

        Assert.Equal(expected + "\n", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void Control_characters_in_names_stay_inside_the_line()
    {
        var output = new ArrayBufferWriter<byte>();
        var name = "1#b[\"\n\r\t\u0001\\\u2028\"]";

        SyncLineWriter.Write(output, new CheckpointDiffLine(OpId.None, null, [], [name]));

        Assert.Equal(1, output.WrittenSpan.Count((byte)'\n'));
        using var document = JsonDocument.Parse(output.WrittenMemory);
        Assert.Equal(name, document.RootElement.GetProperty("checkpoint_diff").GetProperty("removed_buckets")[0].GetString());
    }

    [Fact]
    public void A_line_of_many_buckets_is_whole()
    {
        var buckets = Enumerable.Range(0, 5000).Select(index => new BucketDescription($"1#b[{index}]", (uint)index, index, 3, [])).ToList();
        var output = new ArrayBufferWriter<byte>();

        SyncLineWriter.Write(output, new CheckpointDiffLine(new OpId(7), 8, buckets, ["1#gone[]"]));
        SyncLineWriter.Write(output, new CheckpointCompleteLine(new OpId(7)));

        var lines = Encoding.UTF8.GetString(output.WrittenSpan).Split('\n');
        var updated = JsonElement.Parse(lines[0]).GetProperty("checkpoint_diff").GetProperty("updated_buckets").EnumerateArray();
        Assert.Equal(buckets.Select(bucket => bucket.Name), updated.Select(bucket => bucket.GetProperty("bucket").GetString()));
        Assert.Equal(["{\"checkpoint_complete\":{\"last_op_id\":\"7\"}}", ""], lines[1..]);
    }
}

using System.Globalization;
using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class SyncLineReaderTests
{
    private const string Data = """
        {"data":{"bucket":"2#lists[\"u1\"]","after":"0","next_after":"4","has_more":false,"data":[
        {"op_id":"1","op":"PUT","object_type":"todos","object_id":"t1","subkey":"6f1c/t1","data":"{\"id\":\"t1\",\"title\":\"Milk\"}","checksum":2498553064},
        {"op_id":"3","op":"MOVE","checksum":-1,"extra":{"a":[1]}},
        {"checksum":3691527712,"subkey":"6f1c/t2","object_id":"t\u00e9\uD83D\uDE00","object_type":"todos","op":"REMOVE","op_id":"4"},
        {"op_id":"9223372036854775807","op":"CLEAR","checksum":1838561730}]}}
        """;

    [Fact]
    public void A_checkpoint_line_is_read_whole()
    {
        var line = Read("""
            {"checkpoint":{"last_op_id":"41","write_checkpoint":"7","unknown":[1,{"a":2}],
             "buckets":[{"bucket":"2#lists[\"u1\"]","checksum":-737714171,"count":4,"priority":3,"subscriptions":[{"default":0},{"sub":1}]},
                        {"bucket":"b","checksum":0}],
             "streams":[{"name":"lists","is_default":true,"errors":[]},
                        {"name":"todos","is_default":false,"errors":[{"subscription":0,"message":"no"},{"subscription":"default","message":"none"}]}]}}
            """);

        var checkpoint = Assert.IsType<CheckpointLine>(line);
        Assert.Equal((41UL, 7UL), (checkpoint.LastOpId.Value, checkpoint.WriteCheckpoint));
        Assert.Equal(["2#lists[\"u1\"] 3557253125 4 3", "b 0 0 3"], checkpoint.Buckets.Select(
            bucket => string.Create(CultureInfo.InvariantCulture, $"{bucket.Name} {bucket.Checksum} {bucket.Count} {bucket.Priority}")));
        Assert.Equal([new BucketReason(true, 0), new BucketReason(false, 1)], checkpoint.Buckets[0].Reasons);
        Assert.Equal([new StreamError(0, "no"), new StreamError(null, "none")], checkpoint.Streams[1].Errors);
        Assert.True(checkpoint.Streams[0].IsDefault);
    }

    [Fact]
    public void The_other_control_lines_are_read()
    {
        var diff = Assert.IsType<CheckpointDiffLine>(Read(
            """{"checkpoint_diff":{"last_op_id":"44","removed_buckets":["x"],"updated_buckets":[{"bucket":"b","checksum":1}]}}"""));
        Assert.Null(diff.WriteCheckpoint);
        Assert.Equal(["x"], diff.RemovedBuckets);

        Assert.Equal(new CheckpointCompleteLine(new OpId(44)), Read("""{"checkpoint_complete":{"last_op_id":"44"}}"""));
        Assert.Equal(
            new PartialCheckpointCompleteLine(new OpId(44), 1), Read("""{"partial_checkpoint_complete":{"last_op_id":"44","priority":1}}"""));
        Assert.Equal(new TokenExpiresInLine(0), Read("""{"token_expires_in":0}"""));
        Assert.Null(Read("""{"something_new":{"a":1}}"""));
    }

    [Fact]
    public void Operations_are_read_whatever_the_order_of_their_fields()
    {
        Assert.Equal(
            [
                "1 Put todos t1 6f1c/t1 {\"id\":\"t1\",\"title\":\"Milk\"} 2498553064",
                "3 Move     4294967295",
                "4 Remove todos té😀 6f1c/t2  3691527712",
                "9223372036854775807 Clear     1838561730",
            ],
            Operations(Data, out var bucket));
        Assert.Equal("2#lists[\"u1\"]", bucket);
    }

    [Fact]
    public void The_bucket_may_follow_the_operations_and_data_may_be_an_object()
    {
        var operations = Operations(
            """{"data":{"data":[{"op_id":"1","op":"PUT","object_type":"t","object_id":"i","data":{"a": [1, "}"]},"checksum":1}],"bucket":"late"}}""",
            out var bucket);

        Assert.Equal("late", bucket);
        Assert.Equal(["1 Put t i  {\"a\": [1, \"}\"]} 1"], operations);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"1","op":"PATCH","checksum":1}]}}""")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"1","op":"MOVE"}]}}""")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"x","op":"MOVE","checksum":1}]}}""")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"-1","op":"MOVE","checksum":1}]}}""")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"1","op":"MOVE","checksum":4294967296}]}}""")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"1","op":"MOVE","checksum":1.5}]}}""")]
    [InlineData("""{"data":{"data":[]}}""")]
    [InlineData("""{"data":{"bucket":"b"}}""")]
    [InlineData("""{"data":{"bucket":"b","data":[{"op_id":"1","op":"PUT","object_type":"t","object_id":"\ud800","checksum":1}]}}""")]
    [InlineData("""{"checkpoint":{"last_op_id":"1"}}""")]
    [InlineData("""{"checkpoint":{"last_op_id":"1","buckets":[{"bucket":"b"}]}}""")]
    [InlineData("""{"checkpoint_diff":{"last_op_id":"1","updated_buckets":[]}}""")]
    [InlineData("""{"checkpoint_complete":{"last_op_id":"1"},"second":1}""")]
    [InlineData("""{"token_expires_in":"soon"}""")]
    public void A_malformed_line_is_a_named_failure(string text)
    {
        var failure = Assert.Throws<BucketsException>(() => ReadAny(Encoding.UTF8.GetBytes(text)));

        Assert.Equal("TGB6010", failure.Code);
    }

    [Fact]
    public void A_line_that_was_cut_or_damaged_is_read_or_refused_but_nothing_else()
    {
        var seed = Environment.GetEnvironmentVariable("TOPGUN_SEED") is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : 20261;
        var random = new Random(seed);
        byte[][] lines =
        [
            Encoding.UTF8.GetBytes(Data),
            """{"checkpoint":{"last_op_id":"41","buckets":[{"bucket":"b","checksum":1,"subscriptions":[{"default":0}]}],"streams":[{"name":"s","errors":[]}]}}"""u8.ToArray(),
            """{"checkpoint_diff":{"last_op_id":"44","removed_buckets":["x"],"updated_buckets":[]}}"""u8.ToArray(),
        ];
        for (var round = 0; round < 20_000; round++)
        {
            var line = lines[random.Next(lines.Length)].ToArray();
            for (var damage = random.Next(1, 4); damage > 0; damage--)
                line[random.Next(line.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)"\"\\{}[]:,0u"[random.Next(10)];
            if (random.Next(3) == 0)
                line = line[..random.Next(line.Length)];
            try
            {
                ReadAny(line);
            }
            catch (BucketsException exception) when (exception.Code == "TGB6010")
            {
                continue;
            }
            catch (Exception exception)
            {
                Assert.Fail($"Seed {seed}, round {round}: {exception.GetType().Name} for {Encoding.UTF8.GetString(line)}");
            }
        }
    }

    [Fact]
    public void Every_cut_of_a_line_is_refused()
    {
        var line = Encoding.UTF8.GetBytes(Data.TrimEnd());

        for (var length = 0; length < line.Length; length++)
        {
            var cut = line[..length];
            Assert.Throws<BucketsException>(() => ReadAny(cut));
        }
    }

    [Fact]
    public void Reading_operations_does_not_allocate_for_each()
    {
        var ops = Enumerable.Range(1, 1000).Select(id => Lines.Put(id, "todos", $"t{id}", """{"id":"x","title":"Milk"}""", 1));
        var line = Encoding.UTF8.GetBytes(Lines.Data("b", [.. ops]));
        var least = long.MaxValue;

        // A collection may empty the pool of buffers between two readings; not before each of many.
        for (var reading = 0; reading < 20; reading++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(1000, Count(line));
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.True(least < 1000, $"{least} bytes for 1000 operations.");
    }

    private static int Count(byte[] line)
    {
        using var reader = new DataLineReader(line);
        var count = 0;
        while (reader.Read(out _))
            count++;
        return count;
    }

    private static SyncLine? Read(string text) => SyncLineReader.Read(Encoding.UTF8.GetBytes(text));

    private static void ReadAny(byte[] line)
    {
        if (SyncLineReader.KindOf(line) == SyncLineKind.Data)
            Count(line);
        else
            _ = SyncLineReader.Read(line);
    }

    private static List<string> Operations(string text, out string bucket)
    {
        using var reader = new DataLineReader(Encoding.UTF8.GetBytes(text));
        bucket = reader.Bucket;
        var operations = new List<string>();
        while (reader.Read(out var op))
        {
            operations.Add(string.Create(CultureInfo.InvariantCulture,
                $"{op.OpId} {op.Kind} {Text(op.Type)} {Text(op.Id)} {Text(op.Subkey)} {Text(op.Data)} {op.Checksum}"));
        }
        return operations;
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}

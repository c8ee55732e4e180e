using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Bson;
using TopGun.Buckets.Protocol.Json;
using TopGun.Buckets.Protocol.MessagePack;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// Our encoders against the real decoder: the core that all current SDKs share. What it accepts has to mean the same in each encoding, and what is
/// bent a little has to be refused, or accepting would prove nothing.
/// </summary>
public partial class GoldenLines
{
    private const string Awkward = "t\"2\\é\u0001😀";

    [Fact]
    public async Task Every_line_means_the_same_to_the_core_in_each_encoding()
    {
        InteropScript.SkipWithoutPackages();
        var lines = Lines();

        var outcome = await PlayAsync(
            new Conversation("ndjson", lines.ConvertAll(line => line.AsText())),
            new Conversation("bson", lines.ConvertAll(line => line.AsDocument())),
            new Conversation("msgpack", lines.ConvertAll(line => line.AsPack())));

        var ndjson = outcome.GetProperty("ndjson");
        foreach (var other in (JsonElement[])[outcome.GetProperty("bson"), outcome.GetProperty("msgpack")])
            Assert.True(JsonElement.DeepEquals(ndjson, other), $"{ndjson}\n{other}");
        Assert.False(ndjson.TryGetProperty("refused", out var refused), $"{refused}: {ndjson}");
        Assert.Equal(
            [$"[\"{Escaped(Awkward)}\",\"milk\",null]", "[\"t1\",\"Oat \\u0022milk\\u0022\",\"1\"]"],
            ndjson.GetProperty("todos").EnumerateArray().Select(row => JsonSerializer.Serialize(row)));
        Assert.Equal(
            ["1#a[]", "1#b[\"\\\"é\"]", "1#cleared[]"],
            ndjson.GetProperty("buckets").EnumerateArray().Select(bucket => bucket[0].GetString()));
        Assert.NotEqual(0, ndjson.GetProperty("warnings").GetArrayLength());
        Assert.All(ndjson.GetProperty("warnings").EnumerateArray(), warning => Assert.EndsWith(": the list must be text", warning.GetString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_line_that_is_bent_a_little_is_refused()
    {
        InteropScript.SkipWithoutPackages();
        var lines = Lines();
        var first = lines[0];

        var outcome = await PlayAsync(
            Text("a second key", first, text => text[..^1] + ",\"b\":1}"),
            Text("an escaped key", first, text => text.Replace("\"checkpoint\"", "\"\\u0063heckpoint\"", StringComparison.Ordinal)),
            Text("no checksum", first, text => text.Replace("\"checksum\"", "\"checksun\"", StringComparison.Ordinal)),
            Text("no errors", first, text => text.Replace("\"errors\"", "\"error5\"", StringComparison.Ordinal)),
            Text("an unknown operation in JSON", lines[1], text => text.Replace("\"PUT\"", "\"PUD\"", StringComparison.Ordinal)),
            Document("a count that is a double", first, document => Replaced(document, "\u0012count\0", "\u0001count\0")),
            Document("a checksum that is a fraction", first, document => Replaced(document, "\u0012checksum\0", "\u0001checksum\0")),
            Document("a position that is no text", first, document => Replaced(document, "\u0002last_op_id\0", "\u000Dlast_op_id\0")),
            Document("a document that is cut off", first, document => document[..^1]),
            Document("an unknown operation", lines[1], document => Replaced(document, "PUT\0", "PUD\0")));

        foreach (var conversation in outcome.EnumerateObject())
            Assert.True(conversation.Value.TryGetProperty("refused", out _), $"{conversation.Name} was accepted: {conversation.Value}");

        Conversation Text(string name, Line line, Func<string, string> bend) => new(name, [.. Before(line, one => one.AsText()), Line.Text(bend(line.Json))]);

        Conversation Document(string name, Line line, Func<byte[], byte[]> bend) =>
            new(name, [.. Before(line, one => one.AsDocument()), Line.Document(bend(line.Bson))]);

        IEnumerable<Dictionary<string, string>> Before(Line line, Func<Line, Dictionary<string, string>> form) => lines[..lines.IndexOf(line)].Select(form);
    }

    /// <summary>What later versions may say beside what is said today, and forms of numbers that others send: nothing of it changes what a device holds.</summary>
    [Fact]
    public async Task What_may_be_added_is_ignored()
    {
        InteropScript.SkipWithoutPackages();
        var lines = Lines();

        var outcome = await PlayAsync(
            new Conversation("as it is", lines.ConvertAll(line => line.AsText())),
            new Conversation("more members", lines.ConvertAll(line => Line.Text(
                line.Json.Replace("{\"last_op_id\":", "{\"later\":{\"a\":[1,null]},\"last_op_id\":", StringComparison.Ordinal)
                    .Replace("{\"bucket\":", "{\"later\":1.5,\"bucket\":", StringComparison.Ordinal)
                    .Replace("{\"op_id\":", "{\"later\":\"x\",\"op_id\":", StringComparison.Ordinal)
                    .Replace("{\"name\":", "{\"later\":true,\"name\":", StringComparison.Ordinal)))),
            new Conversation("other lines", [.. lines.SelectMany(line => (Dictionary<string, string>[])[line.AsText(), Line.Text("{\"later\":{\"a\":1}}")])]),
            new Conversation("other documents", [.. lines.SelectMany(line => (Dictionary<string, string>[])
                [line.AsDocument(), Line.Document([20, 0, 0, 0, 8, .. "later"u8, 0, 1, 16, .. "b"u8, 0, 1, 0, 0, 0, 0])])]),
            new Conversation("signed checksums", lines.ConvertAll(line => Line.Text(Signed(line.Json)))));

        var expected = outcome.GetProperty("as it is");
        foreach (var conversation in outcome.EnumerateObject())
            Assert.True(JsonElement.DeepEquals(expected, conversation.Value), $"{conversation.Name}: {conversation.Value}\n{expected}");
    }

    private static string Signed(string json) => Checksum().Replace(json, static match =>
        $"\"checksum\":{unchecked((int)uint.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture)}");

    [GeneratedRegex("\"checksum\":(\\d+)")]
    private static partial Regex Checksum();

    private static List<Line> Lines()
    {
        var ops = new Ops();
        var a = ops.Put("t1", """{"id":"t1","title":"Milk","done":0}""");
        var b = ops.Put(Awkward, JsonSerializer.Serialize(new { id = Awkward, title = "milk", done = (int?)null }));
        var c = ops.Put("t3", """{"id":"t3","title":"gone","done":0}""");
        var d = ops.Remove("t3");
        var e = ops.Put("t1", """{"id":"t1","title":"Oat \"milk\"","done":1}""");
        var move = ops.Placeholder(OpKind.Move, 7);
        var clear = ops.Placeholder(OpKind.Clear, uint.MaxValue);
        var f = ops.Put("t4", """{"id":"t4","title":"dropped with its bucket","done":0}""");
        BucketReason[] byDefault = [new(IsDefault: true, 0)];
        BucketReason[] bySubscription = [new(IsDefault: false, 0), new(IsDefault: true, 0)];
        const string Second = "1#b[\"\\\"é\"]";
        return
        [
            Line.Of(new CheckpointLine(
                new OpId(4), 3,
                [
                    new BucketDescription("1#a[]", a.Checksum + c.Checksum + d.Checksum, 3, 3, byDefault),
                    new BucketDescription(Second, b.Checksum, 1, 1, bySubscription),
                    new BucketDescription("1#empty[]", 0, 0, 3, []),
                ],
                [
                    new StreamDescription("todos", IsDefault: true, []),
                    new StreamDescription("by_list", IsDefault: false, [new StreamError(0, "the list must be text")]),
                ])),
            Line.OfData(Second, new OpId(0), b),
            Line.Of(new PartialCheckpointCompleteLine(new OpId(4), 1)),
            Line.Of(new TokenExpiresInLine(1740)),
            Line.OfData("1#a[]", new OpId(0), a, c, d),
            Line.Of(new CheckpointCompleteLine(new OpId(4))),
            Line.Of(new CheckpointDiffLine(
                new OpId(8), 4,
                [
                    new BucketDescription("1#a[]", a.Checksum + c.Checksum + d.Checksum + e.Checksum + move.Checksum, 5, 3, byDefault),
                    new BucketDescription("1#cleared[]", clear.Checksum, 1, 2, byDefault),
                    new BucketDescription("1#dropped[]", f.Checksum, 1, 3, byDefault),
                ],
                ["1#empty[]"])),
            Line.OfData("1#cleared[]", new OpId(0), clear),
            Line.OfData("1#a[]", new OpId(4), e, move),
            Line.OfData("1#dropped[]", new OpId(0), f),
            Line.Of(new CheckpointCompleteLine(new OpId(8))),
            Line.Of(new CheckpointDiffLine(new OpId(9), null, [], ["1#dropped[]"])),
            Line.Of(new CheckpointCompleteLine(new OpId(9))),
        ];
    }

    private static async Task<JsonElement> PlayAsync(params Conversation[] conversations)
    {
        var file = Path.GetTempFileName();
        try
        {
            var played = conversations.Select(one => new { name = one.Name, streams = new[] { new { name = "by_list", @params = new { list = 5 } } }, lines = one.Lines });
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(played), TestContext.Current.CancellationToken);
            var output = await InteropScript.RunAsync("golden.mjs", new Dictionary<string, object> { ["file"] = file });
            return JsonElement.Parse(output.Split('\n').Single(line => line.StartsWith('{')));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static byte[] Replaced(byte[] document, string what, string with)
    {
        var (from, to) = (Encoding.Latin1.GetBytes(what), Encoding.Latin1.GetBytes(with));
        var at = document.AsSpan().IndexOf(from);
        Assert.True(at >= 0 && from.Length == to.Length, $"'{what}' is not in the document.");
        var bent = document.ToArray();
        to.CopyTo(bent, at);
        return bent;
    }

    private static string Escaped(string text) => JsonSerializer.Serialize(text)[1..^1];

    private sealed record Conversation(string Name, List<Dictionary<string, string>> Lines);

    /// <summary>One line in each encoding.</summary>
    private sealed class Line
    {
        public required string Json { get; init; }

        public required byte[] Bson { get; init; }

        public required byte[] Pack { get; init; }

        public Dictionary<string, string> AsText() => Text(Json);

        public Dictionary<string, string> AsDocument() => Document(Bson);

        public Dictionary<string, string> AsPack() => new() { ["msgpack"] = Convert.ToBase64String(Pack) };

        public static Dictionary<string, string> Text(string json) => new() { ["text"] = json };

        public static Dictionary<string, string> Document(byte[] bson) => new() { ["bson"] = Convert.ToBase64String(bson) };

        public static Line Of(SyncLine line)
        {
            var (json, bson, pack) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
            SyncLineWriter.Write(json, line);
            BsonLineWriter.Write(bson, line);
            MessagePackLineWriter.Write(pack, line);
            return From(json, bson, pack);
        }

        public static Line OfData(string bucket, OpId after, params Op[] ops)
        {
            var (json, bson, pack) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
            var bytes = ops.Sum(op => op.Fragment.Length);
            var text = new DataLineWriter(json, bucket, after, ops[^1].OpId, hasMore: false, rawData: true);
            var document = new BsonDataLineWriter(bson, bucket, after, ops[^1].OpId, hasMore: false, ops.Length, bytes);
            var map = new MessagePackDataLineWriter(pack, bucket, after, ops[^1].OpId, hasMore: false, ops.Length, bytes);
            foreach (var op in ops)
            {
                text.Add(op.OpId, op.Fragment);
                document.Add(op.OpId, op.Fragment);
                map.Add(op.OpId, op.Fragment);
            }
            text.End();
            document.End();
            map.End();
            return From(json, bson, pack);
        }

        private static Line From(ArrayBufferWriter<byte> json, ArrayBufferWriter<byte> bson, ArrayBufferWriter<byte> pack) => new()
        {
            Json = Encoding.UTF8.GetString(json.WrittenSpan).TrimEnd('\n'),
            Bson = bson.WrittenSpan.ToArray(),
            Pack = pack.WrittenSpan.ToArray(),
        };
    }

    private sealed record Op(OpId OpId, uint Checksum, byte[] Fragment);

    /// <summary>Numbers operations as the log does.</summary>
    private sealed class Ops
    {
        private ulong _last;

        public Op Put(string id, string data)
        {
            var fragment = new ArrayBufferWriter<byte>();
            return Next(OpFragment.WritePut(fragment, "todos"u8, Utf8(id), Utf8($"k/{id}"), Utf8(data)), fragment);
        }

        public Op Remove(string id)
        {
            var fragment = new ArrayBufferWriter<byte>();
            return Next(OpFragment.WriteRemove(fragment, "todos"u8, Utf8(id), Utf8($"k/{id}")), fragment);
        }

        public Op Placeholder(OpKind kind, uint checksum)
        {
            var fragment = new ArrayBufferWriter<byte>();
            OpFragment.WritePlaceholder(fragment, kind, checksum);
            return Next(checksum, fragment);
        }

        private Op Next(uint checksum, ArrayBufferWriter<byte> fragment) => new(new OpId(++_last), checksum, fragment.WrittenSpan.ToArray());

        private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
    }
}

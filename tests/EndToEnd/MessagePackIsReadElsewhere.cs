using System.Buffers;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using TopGun.Buckets.Protocol.MessagePack;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Our MessagePack against another implementation, in both directions.</summary>
public class MessagePackIsReadElsewhere
{
    [Fact]
    public async Task Both_sides_read_what_the_other_writes()
    {
        InteropScript.SkipWithoutPackages();
        List<(byte[] Message, string Json)> lines =
        [
            Line(new CheckpointLine(
                new OpId(long.MaxValue), 7,
                [new BucketDescription("1#b[\"\\\"é😀\"]", uint.MaxValue, 5_000_000_000, 3, [new BucketReason(IsDefault: true, 0)])],
                [new StreamDescription("s", true, [new StreamError(70_000, "no"), new StreamError(null, "\u0001")])])),
            Line(new CheckpointDiffLine(new OpId(2), null, [], [new string('n', 300)])),
            Line(new PartialCheckpointCompleteLine(new OpId(2), 0)),
            Line(new TokenExpiresInLine(-40)),
            Data(30, "t\"2\\é\u0001😀"),
            Data(20_000, new string('x', 70)),
        ];
        string[] values =
        [
            """{"buckets":[{"name":"b","after":"1"}],"parameters":{"n":[0,127,128,255,256,65536,4294967296,-1,-32,-33,-129,-32769,-2147483649,1.5,-0.25],"t":true,"f":false,"z":null}}""",
            JsonSerializer.Serialize(new { text = new string('é', 40_000), many = Enumerable.Range(0, 70_000).ToDictionary(static index => $"k{index}") }),
        ];

        var outcome = await PlayAsync(lines.Select(static line => line.Message), values);

        var read = outcome.GetProperty("read").EnumerateArray().ToList();
        for (var index = 0; index < lines.Count; index++)
            Assert.True(JsonElement.DeepEquals(JsonElement.Parse(lines[index].Json), read[index]), $"{lines[index].Json}\n{read[index]}");
        var written = outcome.GetProperty("written").EnumerateArray().Select(static message => message.GetBytesFromBase64()).ToList();
        for (var index = 0; index < values.Length; index++)
            Assert.True(JsonElement.DeepEquals(JsonElement.Parse(values[index]), Read(written[index])), values[index]);
    }

    private static (byte[] Message, string Json) Line(SyncLine line)
    {
        var (pack, json) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        MessagePackLineWriter.Write(pack, line);
        SyncLineWriter.Write(json, line);
        return (pack.WrittenSpan.ToArray(), Encoding.UTF8.GetString(json.WrittenSpan));
    }

    private static (byte[] Message, string Json) Data(int count, string id)
    {
        var fragment = new ArrayBufferWriter<byte>();
        OpFragment.WritePut(fragment, "todos"u8, Encoding.UTF8.GetBytes(id), "k"u8, """{"title":"\"é\"","n":1}"""u8);
        var (pack, json) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        var packLine = new MessagePackDataLineWriter(pack, "b[]", OpId.None, new OpId(9), hasMore: true, count, count * fragment.WrittenCount);
        var jsonLine = new DataLineWriter(json, "b[]", OpId.None, new OpId(9), hasMore: true, rawData: true);
        for (var op = 1; op <= count; op++)
        {
            packLine.Add(new OpId((ulong)op), fragment.WrittenSpan);
            jsonLine.Add(new OpId((ulong)op), fragment.WrittenSpan);
        }
        packLine.End();
        jsonLine.End();
        return (pack.WrittenSpan.ToArray(), Encoding.UTF8.GetString(json.WrittenSpan));
    }

    private static JsonElement Read(byte[] message)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output))
            Assert.Null(MessagePackReader.TryConvert(message, json));
        return JsonElement.Parse(output.WrittenSpan);
    }

    private static async Task<JsonElement> PlayAsync(IEnumerable<byte[]> read, string[] write)
    {
        var file = Path.GetTempFileName();
        try
        {
            var input = $"{{\"read\":{JsonSerializer.Serialize(read)},\"write\":[{string.Join(',', write)}]}}";
            await File.WriteAllTextAsync(file, input, TestContext.Current.CancellationToken);
            return JsonElement.Parse(await InteropScript.RunAsync("msgpack.mjs", new Dictionary<string, object> { ["file"] = file }));
        }
        finally
        {
            File.Delete(file);
        }
    }
}

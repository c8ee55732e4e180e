using System.Buffers;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using TopGun.Buckets.Protocol.MessagePack;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

/// <summary>MessagePack as the public specification has it, and as a line it means the same as JSON.</summary>
public class MessagePackTests
{
    [Theory]
    [MemberData(nameof(SyncLineWriterTests.Lines), MemberType = typeof(SyncLineWriterTests))]
    public void A_line_says_the_same_as_in_JSON(SyncLine line, string json)
    {
        var output = new ArrayBufferWriter<byte>();

        MessagePackLineWriter.Write(output, line);

        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(json), Read(output.WrittenSpan)));
    }

    [Fact]
    public void Whatever_a_row_holds_is_the_same_as_in_JSON()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 500; round++)
        {
            var fragments = Enumerable.Range(0, random.Next(1, 40)).Select(_ => BsonLineWriterTests.RandomFragment(random)).ToList();
            var (json, pack) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());

            // Too small an estimate of the size must not matter.
            var jsonLine = new DataLineWriter(json, "1#b[\"\\\"\"]", OpId.None, new OpId(99), hasMore: false, rawData: true);
            var packLine = new MessagePackDataLineWriter(pack, "1#b[\"\\\"\"]", OpId.None, new OpId(99), hasMore: false, fragments.Count, fragmentBytes: 0);
            for (var index = 0; index < fragments.Count; index++)
            {
                jsonLine.Add(new OpId((ulong)index + 1), fragments[index]);
                packLine.Add(new OpId((ulong)index + 1), fragments[index]);
            }
            jsonLine.End();
            packLine.End();

            Assert.True(
                JsonElement.DeepEquals(JsonElement.Parse(Encoding.UTF8.GetString(json.WrittenSpan)), Read(pack.WrittenSpan)), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Read_as_a_line_each_operation_is_what_it_is_in_JSON()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var fragments = Enumerable.Range(0, random.Next(1, 40)).Select(_ => RandomRow(random)).ToList();
            var (json, pack, line) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
            var jsonLine = new DataLineWriter(json, "a[]", OpId.None, new OpId(99), hasMore: false, rawData: true);
            var packLine = new MessagePackDataLineWriter(pack, "a[]", OpId.None, new OpId(99), hasMore: false, fragments.Count, fragmentBytes: 0);
            for (var index = 0; index < fragments.Count; index++)
            {
                jsonLine.Add(new OpId((ulong)index + 1), fragments[index]);
                packLine.Add(new OpId((ulong)index + 1), fragments[index]);
            }
            jsonLine.End();
            packLine.End();

            using (var writer = new Utf8JsonWriter(line, new JsonWriterOptions { SkipValidation = true }))
                Assert.Null(MessagePackReader.TryConvertLine(pack.WrittenSpan, writer));

            Assert.Equal(Operations(json.WrittenSpan), Operations(line.WrittenSpan));
        }
    }

    [Theory]
    [InlineData("""{"data":"no object"}""", """{"data":"no object"}""")]
    [InlineData("""{"data":"{\n}"}""", """{"data":"{\n}"}""")]
    [InlineData("""{"data":["{}",{"data":null}]}""", """{"data":["{}",{"data":null}]}""")]
    [InlineData("""{"data":"{\"a\":1}"}""", """{"data":{"a":1}}""")]
    public void In_a_line_only_a_row_is_nested(string message, string line)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output))
            Assert.Null(MessagePackReader.TryConvertLine(Pack(message), json));

        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(line), JsonElement.Parse(output.WrittenSpan)));
    }

    // The first bytes are from the table of formats in the specification.
    [Theory]
    [InlineData("""{"a":0}""", "81a16100")]
    [InlineData("""{"a":127}""", "81a1617f")]
    [InlineData("""{"a":128}""", "81a161cc80")]
    [InlineData("""{"a":65535}""", "81a161cdffff")]
    [InlineData("""{"a":65536}""", "81a161ce00010000")]
    [InlineData("""{"a":4294967296}""", "81a161cf0000000100000000")]
    [InlineData("""{"a":-1}""", "81a161ff")]
    [InlineData("""{"a":-32}""", "81a161e0")]
    [InlineData("""{"a":-33}""", "81a161d0df")]
    [InlineData("""{"a":-129}""", "81a161d1ff7f")]
    [InlineData("""{"a":-32769}""", "81a161d2ffff7fff")]
    [InlineData("""{"a":-2147483649}""", "81a161d3ffffffff7fffffff")]
    [InlineData("""{"a":1.5}""", "81a161cb3ff8000000000000")]
    [InlineData("""{"a":[true,false,null,"é"]}""", "81a16194c3c2c0a2c3a9")]
    [InlineData("""{}""", "80")]
    public void A_value_is_written_as_the_specification_has_it_and_read_again(string json, string hex)
    {
        var packed = Pack(json);

        Assert.Equal(hex, Convert.ToHexStringLower(packed));
        Assert.Equal(json, Read(packed).GetRawText());
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    public void Lengths_of_every_form_are_read_again(int length)
    {
        var json = JsonSerializer.Serialize(new { text = new string('x', length), list = Enumerable.Range(0, length).Select(static item => item % 7) });

        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(json), Read(Pack(json))));
    }

    [Theory]
    [InlineData("", "it is no map")]
    [InlineData("90", "it is no map")]
    [InlineData("81", "it is cut off")]
    [InlineData("8101c0", "a key is no text")]
    [InlineData("81a161", "it is cut off")]
    [InlineData("81a161cd01", "it is cut off")]
    [InlineData("81a161ca0000", "it is cut off")]
    [InlineData("81a161a5ff", "it is cut off")]
    [InlineData("81a161a1ff", "a text is not UTF-8")]
    [InlineData("81a1ffc0", "a key is not UTF-8")]
    [InlineData("81a161dfffffffff", "it is cut off")]
    [InlineData("81a161ddffffffff00", "it is cut off")]
    [InlineData("81a161c4", "it holds a type of value that messages do not have")]
    [InlineData("81a161c1", "it holds a type of value that messages do not have")]
    [InlineData("81a161d4", "it holds a type of value that messages do not have")]
    [InlineData("8000", "something follows it")]
    public void What_is_bent_is_refused(string hex, string problem)
    {
        using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());

        Assert.Equal(problem, MessagePackReader.TryConvert(Convert.FromHexString(hex), json));
    }

    [Fact]
    public void Nesting_has_an_end()
    {
        byte[] deep = [0x81, 0xa1, 0x61, .. Enumerable.Repeat((byte)0x91, 100), 0xc0];
        using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());

        Assert.Equal("it is nested too deeply", MessagePackReader.TryConvert(deep, json));
    }

    private static byte[] RandomRow(Random random)
    {
        if (random.Next(3) == 0)
            return BsonLineWriterTests.RandomFragment(random);
        var fragment = new ArrayBufferWriter<byte>();
        var text = Encoding.UTF8.GetString(BsonLineWriterTests.RandomText(random));
        OpFragment.WritePut(
            fragment, "todos"u8, BsonLineWriterTests.RandomText(random), "k"u8, JsonSerializer.SerializeToUtf8Bytes(new { id = text, n = random.NextDouble(), text }));
        return fragment.WrittenSpan.ToArray();
    }

    private static List<string> Operations(ReadOnlySpan<byte> line)
    {
        var operations = new List<string>();
        using var reader = new DataLineReader(line);
        while (reader.Read(out var op))
            operations.Add($"{op.OpId} {op.Kind} {op.Checksum} {Text(op.Type)} {Text(op.Id)} {Text(op.Subkey)} {Text(op.Data)}");
        return operations;

        static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
    }

    internal static byte[] Pack(string json)
    {
        var pack = new MessagePackWriter(16);
        pack.Json(JsonElement.Parse(json));
        var output = new ArrayBufferWriter<byte>();
        pack.MoveTo(output);
        return output.WrittenSpan.ToArray();
    }

    internal static JsonElement Read(ReadOnlySpan<byte> message)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            if (MessagePackReader.TryConvert(message, json) is { } problem)
                throw new InvalidOperationException($"No MessagePack: {problem}");
        }
        return JsonElement.Parse(output.WrittenSpan);
    }
}

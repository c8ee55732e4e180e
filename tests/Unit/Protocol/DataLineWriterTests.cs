using System.Buffers;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

public class DataLineWriterTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Whatever_a_row_holds_comes_out_as_it_went_in(bool rawData)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 500; round++)
        {
            var rows = Enumerable.Range(0, random.Next(1, 6)).Select(_ => RandomRow(random)).ToList();
            var output = new ChunkedOutput(random.Next(1, 400));

            var line = new DataLineWriter(output, "1#b[\"\\\"\"]", OpId.None, new OpId(99), hasMore: false, rawData);
            for (var index = 0; index < rows.Count; index++)
                line.Add(new OpId((ulong)index + 1), rows[index].Fragment);
            line.End();

            var text = Encoding.UTF8.GetString(output.Written);
            Assert.EndsWith("]}}\n", text, StringComparison.Ordinal);
            Assert.Equal(1, text.Count(c => c == '\n'));
            using var document = JsonDocument.Parse(text);
            var ops = document.RootElement.GetProperty("data").GetProperty("data").EnumerateArray().ToList();
            for (var index = 0; index < rows.Count; index++)
            {
                Assert.Equal($"{index + 1}", ops[index].GetProperty("op_id").GetString());
                Assert.Equal(rows[index].Id, ops[index].GetProperty("object_id").GetString());
                Assert.Equal(rows[index].Checksum, ops[index].GetProperty("checksum").GetUInt32());
                var data = ops[index].GetProperty("data");
                Assert.Equal(rows[index].Data, rawData ? data.GetString() : data.GetRawText());
            }
        }
    }

    [Fact]
    public void A_fragment_is_taken_apart_into_what_it_was_made_of()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 2000; round++)
        {
            var (type, id, subkey, data) = (RandomText(random), RandomText(random), RandomText(random), RandomText(random));
            var buffer = new ArrayBufferWriter<byte>();
            var checksum = OpFragment.WritePut(buffer, Utf8(type), Utf8(id), Utf8(subkey), Utf8(data));

            var op = new OpFragmentReader(buffer.WrittenSpan);

            Assert.Equal(OpKind.Put, op.Kind);
            Assert.Equal(type, OpFragmentReader.Unescape(op.Type));
            Assert.Equal(id, OpFragmentReader.Unescape(op.Id));
            Assert.Equal(subkey, OpFragmentReader.Unescape(op.Subkey));
            Assert.Equal(data, OpFragmentReader.Unescape(op.Data));
            Assert.Equal(checksum, op.Checksum);
        }
    }

    [Fact]
    public void Every_kind_is_told_by_its_fragment()
    {
        Assert.Equal(OpKind.Remove, KindOf(output => OpFragment.WriteRemove(output, "t"u8, "1"u8, "k"u8)));
        Assert.Equal(OpKind.Move, KindOf(output => OpFragment.WritePlaceholder(output, OpKind.Move, 7)));
        Assert.Equal(OpKind.Clear, KindOf(output => OpFragment.WritePlaceholder(output, OpKind.Clear, 7)));
    }

    private static OpKind KindOf(Action<ArrayBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return new OpFragmentReader(buffer.WrittenSpan).Kind;
    }

    private static (string Id, string Data, uint Checksum, byte[] Fragment) RandomRow(Random random)
    {
        var id = RandomText(random);
        var data = JsonSerializer.Serialize(new Dictionary<string, string> { ["id"] = id, ["text"] = RandomText(random) });
        var buffer = new ArrayBufferWriter<byte>();
        var checksum = OpFragment.WritePut(buffer, "todos"u8, Utf8(id), "k"u8, Utf8(data));
        return (id, data, checksum, buffer.WrittenSpan.ToArray());
    }

    private static string RandomText(Random random)
    {
        string[] pieces = ["a", "\"", "\\", "\n", "\t", "\r", "\0", "\u001f", "é", "\u2028", "😀", "{", "}", ",", "\\u0041"];
        return string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => pieces[random.Next(pieces.Length)]));
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>Gives no more than it is asked for, so that every border between blocks is met.</summary>
    private sealed class ChunkedOutput(int least) : IBufferWriter<byte>
    {
        private readonly ArrayBufferWriter<byte> _written = new();
        private byte[] _block = [];

        public ReadOnlySpan<byte> Written => _written.WrittenSpan;

        public void Advance(int count) => _written.Write(_block.AsSpan(0, count));

        public Memory<byte> GetMemory(int sizeHint = 0) => _block = new byte[Math.Max(sizeHint, least)];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}

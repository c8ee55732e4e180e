using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>Writes one <c>data</c> line as NDJSON by copying stored fragments. Begin, then each operation, then end.</summary>
/// <remarks>
/// Asks the output for blocks instead of making a call for each piece: with a socket behind it, every call takes a lock. Whoever begins a
/// line has to end it.
/// </remarks>
public ref struct DataLineWriter
{
    private const int BlockBytes = 32 << 10;
    private const int BytesBesideFragment = 40; // op_id with its key
    private const int OpIdBytes = 20;
    private const int MaxKeptBytes = 64 << 10;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _name;

    private readonly IBufferWriter<byte> _output;
    private readonly bool _rawData;
    private readonly int _blockBytes;
    private Span<byte> _block;
    private int _written;
    private bool _any;

    /// <summary>Begins a line.</summary>
    /// <param name="output">Receives the line.</param>
    /// <param name="bucket">Full bucket name.</param>
    /// <param name="after">Position before the first operation.</param>
    /// <param name="nextAfter">The last operation that will be added.</param>
    /// <param name="hasMore">Whether more of the bucket follows for the same checkpoint.</param>
    /// <param name="rawData">Whether a row is sent as a JSON string; otherwise as a nested object, as old clients want it.</param>
    /// <param name="opCount">How many operations will be added, if that is known.</param>
    /// <param name="fragmentBytes">How long their fragments are.</param>
    public DataLineWriter(
        IBufferWriter<byte> output, string bucket, OpId after, OpId nextAfter, bool hasMore, bool rawData, int opCount = 1, int fragmentBytes = BlockBytes)
    {
        _output = output;
        _blockBytes = Math.Min(BlockBytes, fragmentBytes + (opCount * BytesBesideFragment));
        _rawData = rawData;
        Write("{\"data\":{\"bucket\":"u8);
        WriteString(bucket);
        Write(",\"after\":\""u8);
        WriteNumber(after.Value);
        Write("\",\"next_after\":\""u8);
        WriteNumber(nextAfter.Value);
        Write(hasMore ? "\",\"has_more\":true,\"data\":["u8 : "\",\"has_more\":false,\"data\":["u8);
    }

    /// <summary>Adds an operation.</summary>
    public void Add(OpId opId, ReadOnlySpan<byte> fragment)
    {
        Write(_any ? ",{\"op_id\":\""u8 : "{\"op_id\":\""u8);
        _any = true;
        WriteNumber(opId.Value);
        Write("\","u8);
        if (_rawData)
            Write(fragment);
        else
            WriteNested(fragment);
    }

    /// <summary>Ends the line.</summary>
    public void End()
    {
        Write("]}}\n"u8);
        _output.Advance(_written);
        _block = default;
        _written = 0;
    }

    private void WriteNested(ReadOnlySpan<byte> fragment)
    {
        var op = new OpFragmentReader(fragment);
        if (op.Kind == OpKind.Put)
        {
            // "data": and the string's quotes give way to the row itself.
            Write(fragment[..op.DataStart]);
            WriteUnescaped(op.Data);
            Write(fragment[(op.DataStart + op.Data.Length + 2)..]);
        }
        else
        {
            Write(fragment[..op.ChecksumStart]);
            Write("\"data\":null,"u8);
            Write(fragment[op.ChecksumStart..]);
        }
    }

    private void WriteUnescaped(ReadOnlySpan<byte> text)
    {
        Ensure(text.Length);
        _written += OpFragmentReader.Unescape(text, _block[_written..]);
    }

    private void WriteString(string text)
    {
        var name = _name ??= new ArrayBufferWriter<byte>(256);
        name.ResetWrittenCount();
        var rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        OpFragment.WriteString(name, rented.AsSpan(0, Encoding.UTF8.GetBytes(text, rented)));
        ArrayPool<byte>.Shared.Return(rented);
        Write(name.WrittenSpan);
        if (name.Capacity > MaxKeptBytes)
            _name = null; // names may have any length
    }

    private void WriteNumber(ulong number)
    {
        Ensure(OpIdBytes);
        Utf8Formatter.TryFormat(number, _block[_written..], out var length);
        _written += length;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > _block.Length - _written)
        {
            var part = _block.Length - _written;
            bytes[..part].CopyTo(_block[_written..]);
            _written += part;
            bytes = bytes[part..];
            Ensure(1);
        }
        bytes.CopyTo(_block[_written..]);
        _written += bytes.Length;
    }

    private void Ensure(int length)
    {
        if (_block.Length - _written >= length)
            return;
        if (_written > 0)
            _output.Advance(_written);
        _written = 0;
        _block = _output.GetSpan(Math.Max(length, _any ? _blockBytes : 256));
    }
}

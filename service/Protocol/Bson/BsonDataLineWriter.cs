using System.Buffers;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Protocol.Bson;

/// <summary>Writes one <c>data</c> line as a BSON document from stored fragments. Begin, then each operation, then end.</summary>
/// <remarks>
/// A row stays one string, so of the JSON nothing is parsed but the escapes of strings. The document is built in a rented buffer, as its
/// length stands before it. Whoever begins a line has to end it.
/// </remarks>
public ref struct BsonDataLineWriter
{
    private const int BytesBesideFragment = 64; // op_id with its key, and the lengths that stand in for JSON's punctuation

    private readonly IBufferWriter<byte> _output;
    private readonly int _start;
    private readonly int _lineStart;
    private readonly int _opsStart;
    private BsonWriter _bson;
    private int _count;

    /// <summary>Begins a line.</summary>
    /// <param name="output">Receives the line when it ends.</param>
    /// <param name="bucket">Full bucket name.</param>
    /// <param name="after">Position before the first operation.</param>
    /// <param name="nextAfter">The last operation that will be added.</param>
    /// <param name="hasMore">Whether more of the bucket follows for the same checkpoint.</param>
    /// <param name="opCount">How many operations will be added.</param>
    /// <param name="fragmentBytes">How long their fragments are.</param>
    public BsonDataLineWriter(
        IBufferWriter<byte> output, string bucket, OpId after, OpId nextAfter, bool hasMore, int opCount, int fragmentBytes)
    {
        _output = output;
        _bson = new BsonWriter(256 + (opCount * BytesBesideFragment) + fragmentBytes);
        _start = _bson.Begin();
        _lineStart = _bson.BeginDocument("data"u8);
        _bson.String("bucket"u8, bucket);
        _bson.OpId("after"u8, after);
        _bson.OpId("next_after"u8, nextAfter);
        _bson.Boolean("has_more"u8, hasMore);
        _opsStart = _bson.BeginArray("data"u8);
    }

    /// <summary>Adds an operation.</summary>
    public void Add(OpId opId, ReadOnlySpan<byte> fragment)
    {
        var op = new OpFragmentReader(fragment);
        var start = _bson.BeginItem(_count++);
        _bson.OpId("op_id"u8, opId);
        _bson.String("op"u8, op.Kind switch
        {
            OpKind.Put => "PUT"u8,
            OpKind.Remove => "REMOVE"u8,
            OpKind.Move => "MOVE"u8,
            _ => "CLEAR"u8,
        });
        if (op.Kind is OpKind.Put or OpKind.Remove)
        {
            _bson.EscapedString("object_type"u8, op.Type);
            _bson.EscapedString("object_id"u8, op.Id);
            _bson.EscapedString("subkey"u8, op.Subkey);
        }
        if (op.Kind == OpKind.Put)
            _bson.EscapedString("data"u8, op.Data);
        _bson.Int64("checksum"u8, op.Checksum);
        _bson.End(start);
    }

    /// <summary>Ends the line and gives it to the output.</summary>
    public void End()
    {
        _bson.End(_opsStart);
        _bson.End(_lineStart);
        _bson.End(_start);
        _bson.MoveTo(_output);
    }
}

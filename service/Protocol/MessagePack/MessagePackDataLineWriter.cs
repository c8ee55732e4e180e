using System.Buffers;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Protocol.MessagePack;

/// <summary>Writes one <c>data</c> line as a MessagePack map from stored fragments. Begin, then each operation, then end.</summary>
/// <remarks>A row stays one text, so of the JSON nothing is parsed but the escapes of texts. Whoever begins a line has to end it.</remarks>
public ref struct MessagePackDataLineWriter
{
    private const int BytesBesideFragment = 48; // op_id with its key, and the lengths that stand in for JSON's punctuation

    private readonly IBufferWriter<byte> _output;
    private MessagePackWriter _pack;

    /// <summary>Begins a line.</summary>
    /// <param name="output">Receives the line when it ends.</param>
    /// <param name="bucket">Full bucket name.</param>
    /// <param name="after">Position before the first operation.</param>
    /// <param name="nextAfter">The last operation that will be added.</param>
    /// <param name="hasMore">Whether more of the bucket follows for the same checkpoint.</param>
    /// <param name="opCount">How many operations will be added.</param>
    /// <param name="fragmentBytes">How long their fragments are.</param>
    public MessagePackDataLineWriter(
        IBufferWriter<byte> output, string bucket, OpId after, OpId nextAfter, bool hasMore, int opCount, int fragmentBytes)
    {
        _output = output;
        _pack = new MessagePackWriter(256 + (opCount * BytesBesideFragment) + fragmentBytes);
        _pack.Map(1);
        _pack.Text("data"u8);
        _pack.Map(5);
        _pack.Text("bucket"u8);
        _pack.Text(bucket);
        _pack.Text("after"u8);
        _pack.Position(after);
        _pack.Text("next_after"u8);
        _pack.Position(nextAfter);
        _pack.Text("has_more"u8);
        _pack.Boolean(hasMore);
        _pack.Text("data"u8);
        _pack.Array(opCount);
    }

    /// <summary>Adds an operation.</summary>
    public void Add(OpId opId, ReadOnlySpan<byte> fragment)
    {
        var op = new OpFragmentReader(fragment);
        _pack.Map(op.Kind switch
        {
            OpKind.Put => 7,
            OpKind.Remove => 6,
            _ => 3,
        });
        _pack.Text("op_id"u8);
        _pack.Position(opId);
        _pack.Text("op"u8);
        _pack.Text(op.Kind switch
        {
            OpKind.Put => "PUT"u8,
            OpKind.Remove => "REMOVE"u8,
            OpKind.Move => "MOVE"u8,
            _ => "CLEAR"u8,
        });
        if (op.Kind is OpKind.Put or OpKind.Remove)
        {
            _pack.Text("object_type"u8);
            _pack.EscapedText(op.Type);
            _pack.Text("object_id"u8);
            _pack.EscapedText(op.Id);
            _pack.Text("subkey"u8);
            _pack.EscapedText(op.Subkey);
        }
        if (op.Kind == OpKind.Put)
        {
            _pack.Text("data"u8);
            _pack.EscapedText(op.Data);
        }
        _pack.Text("checksum"u8);
        _pack.Whole(op.Checksum);
    }

    /// <summary>Ends the line and gives it to the output.</summary>
    public void End() => _pack.MoveTo(_output);
}

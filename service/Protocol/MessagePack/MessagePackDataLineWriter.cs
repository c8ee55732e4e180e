using System.Buffers;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Protocol.MessagePack;

/// <summary>Writes one <c>data</c> line as a MessagePack map from stored fragments. Begin, then each operation, then end.</summary>
/// <remarks>A row stays one text, so of the JSON nothing is parsed but the escapes of texts. Whoever begins a line has to end it.</remarks>
public ref struct MessagePackDataLineWriter
{
    private const int BytesBesideFragment = 48; // op_id with its key, and the lengths that stand in for JSON's punctuation

    // What is the same in every operation is written once and copied. By kind:
    private static readonly byte[][] Beginnings = ByKind(static (pack, kind) =>
    {
        pack.Map(kind switch
        {
            OpKind.Put => 7,
            OpKind.Remove => 6,
            _ => 3,
        });
        pack.Text("op_id"u8);
        return pack;
    });

    private static readonly byte[][] Kinds = ByKind(static (pack, kind) =>
    {
        pack.Text("op"u8);
        pack.Text(kind.ToString().ToUpperInvariant());
        return pack;
    });

    private static readonly byte[] TypeKey = Key("object_type");
    private static readonly byte[] IdKey = Key("object_id");
    private static readonly byte[] SubkeyKey = Key("subkey");
    private static readonly byte[] DataKey = Key("data");
    private static readonly byte[] ChecksumKey = Key("checksum");

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
        _pack.Packed(Beginnings[(int)op.Kind]);
        _pack.Position(opId);
        _pack.Packed(Kinds[(int)op.Kind]);
        if (op.Kind is OpKind.Put or OpKind.Remove)
        {
            _pack.Packed(TypeKey);
            _pack.EscapedText(op.Type);
            _pack.Packed(IdKey);
            _pack.EscapedText(op.Id);
            _pack.Packed(SubkeyKey);
            _pack.EscapedText(op.Subkey);
        }
        if (op.Kind == OpKind.Put)
        {
            _pack.Packed(DataKey);
            _pack.EscapedText(op.Data);
        }
        _pack.Packed(ChecksumKey);
        _pack.Whole(op.Checksum);
    }

    /// <summary>Ends the line and gives it to the output.</summary>
    public void End() => _pack.MoveTo(_output);

    private delegate MessagePackWriter Pack(MessagePackWriter pack, OpKind kind);

    private static byte[][] ByKind(Pack pack) =>
        [.. Enumerable.Range(0, (int)OpKind.Clear + 1).Select(kind => Written(pack(new MessagePackWriter(64), (OpKind)kind)))];

    private static byte[] Key(string name)
    {
        var pack = new MessagePackWriter(64);
        pack.Text(name);
        return Written(pack);
    }

    private static byte[] Written(MessagePackWriter pack)
    {
        var output = new ArrayBufferWriter<byte>(64);
        pack.MoveTo(output);
        return output.WrittenSpan.ToArray();
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol.Bson;

namespace TopGun.Buckets.Tests.Unit.Protocol;

/// <summary>Looks at BSON documents in a readable form.</summary>
internal static class BsonText
{
    private static readonly Dictionary<byte, string> Names = new()
    {
        [1] = "double", [2] = "string", [3] = "document", [4] = "array", [8] = "boolean", [10] = "null", [16] = "int32", [18] = "int64",
    };

    /// <summary>The document as JSON.</summary>
    public static string ToJson(ReadOnlySpan<byte> document)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            if (BsonReader.TryConvert(document, writer) is { } problem)
                throw new InvalidOperationException($"No BSON: {problem}");
        }
        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    /// <summary>Path and type of every value, read by a second reader that shares no code with the first: <c>data.data.0.op_id:string</c>.</summary>
    public static List<string> Types(ReadOnlySpan<byte> document)
    {
        var types = new List<string>();
        Walk(document, "", types);
        return types;
    }

    private static void Walk(ReadOnlySpan<byte> document, string path, List<string> types)
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(document) != document.Length || document[^1] != 0)
            throw new InvalidOperationException($"The document at '{path}' does not have the length it states.");
        var position = 4;
        while (document[position] != 0)
        {
            var type = document[position++];
            var keyEnd = position + document[position..].IndexOf((byte)0);
            var key = Encoding.UTF8.GetString(document[position..keyEnd]);
            position = keyEnd + 1;
            types.Add($"{path}{key}:{Names[type]}");
            var length = type switch
            {
                1 or 18 => 8,
                2 => 4 + BinaryPrimitives.ReadInt32LittleEndian(document[position..]),
                3 or 4 => BinaryPrimitives.ReadInt32LittleEndian(document[position..]),
                8 => 1,
                16 => 4,
                _ => 0,
            };
            if (type == 2 && document[position + length - 1] != 0)
                throw new InvalidOperationException($"The text at '{path}{key}' does not end with zero.");
            if (type is 3 or 4)
                Walk(document.Slice(position, length), $"{path}{key}.", types);
            position += length;
        }
    }
}

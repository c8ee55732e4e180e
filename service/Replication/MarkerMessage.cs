using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace TopGun.Buckets.Replication;

/// <summary>Content of the logical messages that we write into the source's WAL.</summary>
internal static class MarkerMessage
{
    // tag (16 bytes), then for each write checkpoint: Int64 id, Int32 length, user key in UTF-8; big-endian. No write checkpoint: only a position to pass.
    // Or tag, then Int64: what somebody beside the stream wants done when the stream is here; see Errands.

    /// <summary>Prefix of our messages.</summary>
    public const string Prefix = "topgun";

    private const int TagSize = 16;
    private const int HeaderSize = sizeof(ulong) + sizeof(int);

    /// <summary>A tag that no other store has.</summary>
    public static string NewTag(Random random)
    {
        Span<byte> tag = stackalloc byte[TagSize];
        random.NextBytes(tag);
        return Convert.ToHexStringLower(tag);
    }

    /// <summary>Prefix of the message that the optional event trigger writes: a definition changed.</summary>
    public const string DefinitionPrefix = "topgun_ddl";

    public static byte[] Write(string tag, ulong errand)
    {
        var content = new byte[TagSize + sizeof(ulong)];
        Convert.FromHexString(tag).CopyTo(content, 0);
        BinaryPrimitives.WriteUInt64BigEndian(content.AsSpan(TagSize), errand);
        return content;
    }

    /// <summary>Reads the number of an errand; null when the message is none of ours, or another kind.</summary>
    public static ulong? TryReadErrand(ReadOnlySpan<byte> content, string tag) =>
        content.Length == TagSize + sizeof(ulong) && content[..TagSize].SequenceEqual(Convert.FromHexString(tag))
            ? BinaryPrimitives.ReadUInt64BigEndian(content[TagSize..])
            : null;

    public static byte[] Write(string tag, IReadOnlyCollection<WriteCheckpointMarker> markers)
    {
        var content = new ArrayBufferWriter<byte>(TagSize + (markers.Count * 64));
        content.Write(Convert.FromHexString(tag));
        foreach (var marker in markers)
        {
            var key = Encoding.UTF8.GetBytes(marker.UserKey);
            var header = content.GetSpan(HeaderSize);
            BinaryPrimitives.WriteUInt64BigEndian(header, marker.Id);
            BinaryPrimitives.WriteInt32BigEndian(header[sizeof(ulong)..], key.Length);
            content.Advance(HeaderSize);
            content.Write(key);
        }
        return content.WrittenSpan.ToArray();
    }

    /// <summary>Reads a message; null when it is not ours, however it came to have our prefix.</summary>
    public static List<WriteCheckpointMarker>? TryRead(ReadOnlySpan<byte> content, string tag)
    {
        if (content.Length < TagSize || !content[..TagSize].SequenceEqual(Convert.FromHexString(tag)))
            return null;
        var markers = new List<WriteCheckpointMarker>();
        content = content[TagSize..];
        while (content.Length >= HeaderSize)
        {
            var id = BinaryPrimitives.ReadUInt64BigEndian(content);
            var length = BinaryPrimitives.ReadInt32BigEndian(content[sizeof(ulong)..]);
            content = content[HeaderSize..];
            if ((uint)length > (uint)content.Length)
                return null;
            markers.Add(new WriteCheckpointMarker(Encoding.UTF8.GetString(content[..length]), id));
            content = content[length..];
        }
        return content.IsEmpty ? markers : null;
    }
}

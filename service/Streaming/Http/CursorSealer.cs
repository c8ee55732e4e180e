using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>Turns what a client holds into a text that it brings back, sealed so that it is what this service, and for this client, has given.</summary>
/// <remarks>
/// <code>
/// cursor := base64url of: 0x01 · bucket* · seal
/// bucket := length of name · name, UTF-8 · position          (both numbers with seven bits in each byte, the lowest first)
/// seal   := the first 16 bytes of HMAC-SHA256 over all before it and the client's key
/// </code>
/// </remarks>
internal sealed class CursorSealer(IOptions<StreamingOptions> options, IOptions<JwtOptions> tokens)
{
    private const byte Version = 1;
    private const int SealBytes = 16;

    private readonly byte[] _key = HKDF.DeriveKey(
        HashAlgorithmName.SHA256,
        options.Value.CursorSecret is { } secret ? Encoding.UTF8.GetBytes(secret) : tokens.Value.Secret ?? RandomNumberGenerator.GetBytes(32),
        outputLength: 32,
        info: "topgun cursor"u8.ToArray());

    public string Seal(IEnumerable<BucketPosition> positions, string clientKey)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(Version);
        foreach (var (name, after) in positions)
        {
            writer.Write(name);
            writer.Write7BitEncodedInt64((long)after.Value);
        }
        writer.Flush();
        writer.Write(SealOf(bytes.GetBuffer().AsSpan(0, (int)bytes.Length), clientKey));
        return Base64Url.EncodeToString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <exception cref="SyncException">It was not given by this service to this client (400).</exception>
    public IReadOnlyList<BucketPosition> Open(string cursor, string clientKey)
    {
        var bytes = new byte[Base64Url.GetMaxDecodedLength(cursor.Length)];
        if (Base64Url.DecodeFromChars(cursor, bytes, out _, out var length) != OperationStatus.Done
            || length <= SealBytes
            || Base64Url.EncodeToString(bytes.AsSpan(0, length)) != cursor // the same bytes have other texts, which we do not give
            || bytes[0] != Version
            || !CryptographicOperations.FixedTimeEquals(SealOf(bytes.AsSpan(0, length - SealBytes), clientKey), bytes.AsSpan(length - SealBytes, SealBytes)))
            throw SyncException.Invalid("""["cursor was not given to this client by this service; begin without it"]""");

        // What is sealed is as we wrote it.
        using var reader = new BinaryReader(new MemoryStream(bytes, 1, length - 1 - SealBytes), Encoding.UTF8);
        var positions = new List<BucketPosition>();
        while (reader.BaseStream.Position < reader.BaseStream.Length)
            positions.Add(new BucketPosition(reader.ReadString(), new OpId((ulong)reader.Read7BitEncodedInt64())));
        return positions;
    }

    private byte[] SealOf(ReadOnlySpan<byte> content, string clientKey)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hash.AppendData(content);
        hash.AppendData(Encoding.UTF8.GetBytes(clientKey));
        return hash.GetHashAndReset()[..SealBytes];
    }
}

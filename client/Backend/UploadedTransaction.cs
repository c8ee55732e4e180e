using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;

namespace TopGun.Buckets.Backend;

/// <summary>What a device did to a row.</summary>
public enum UploadedWriteKind
{
    /// <summary>Insert the row, or replace it.</summary>
    Put,

    /// <summary>Change some of its columns.</summary>
    Patch,

    /// <summary>Delete it.</summary>
    Delete,
}

/// <summary>One write to one row.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Table">Name of the table as devices know it. Comes from the device: look it up, never put it into SQL.</param>
/// <param name="Id">Row id.</param>
/// <param name="Data">Put: every column that is not NULL. Patch: the changed columns. Delete: null.</param>
public sealed record UploadedWrite(UploadedWriteKind Kind, string Table, string Id, JsonElement? Data)
{
    /// <summary>Earlier values, when the device's schema tracks them.</summary>
    public JsonElement? Previous { get; init; }

    /// <summary>What the app passed along, when the device's schema tracks it.</summary>
    public string? Metadata { get; init; }
}

/// <summary>Writes that a device committed together: all of them take effect, or none.</summary>
/// <param name="UserId">Who is signed in on the device, as the endpoint knows it; never what the device says.</param>
/// <param name="ClientId">The device's database.</param>
/// <param name="Number">Number of the transaction on it; with user and client it names the transaction for ever.</param>
/// <param name="Writes">The writes, in order.</param>
public sealed record UploadedTransaction(string UserId, string ClientId, long Number, IReadOnlyList<UploadedWrite> Writes)
{
    /// <summary>
    /// Sum of what it writes. A number that comes again with another sum comes from a copy of the device's database, as a restored
    /// backup is one: it is not a repetition, and treating it as one would lose a write.
    /// </summary>
    public byte[] Digest()
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartArray();
            foreach (var write in Writes)
            {
                writer.WriteNumberValue((int)write.Kind);
                writer.WriteStringValue(write.Table);
                writer.WriteStringValue(write.Id);
                if (write.Data is { } data)
                    data.WriteTo(writer);
                else
                    writer.WriteNullValue();
            }
            writer.WriteEndArray();
        }
        return SHA256.HashData(output.WrittenSpan)[..16];
    }
}

using System.Globalization;
using System.Text.Json;

namespace TopGun.Buckets.Tests.Support;

/// <summary>One bucket as a client holds it: its rows, its checksum, and how far it has come.</summary>
internal sealed class BucketCopy
{
    private readonly Dictionary<string, RowCopy> _rows = [];

    /// <summary>Last operation received, or the checkpoint that was completed after it.</summary>
    public ulong Position { get; private set; }

    /// <summary>Wrapping sum over all operations received.</summary>
    public uint Checksum { get; private set; }

    public IEnumerable<RowCopy> Rows => _rows.Values;

    /// <summary>Everything up to the checkpoint has arrived.</summary>
    public void Complete(ulong checkpoint) => Position = Math.Max(Position, checkpoint);

    /// <summary>Applies one operation of a data line.</summary>
    public void Apply(ulong opId, JsonElement op)
    {
        Position = opId;
        var checksum = op.GetProperty("checksum").GetUInt32();
        switch (op.GetProperty("op").GetString())
        {
            case "PUT":
                _rows[Key(op)] = new RowCopy(
                    opId,
                    op.GetProperty("object_type").GetString()!,
                    op.GetProperty("object_id").GetString()!,
                    op.GetProperty("data").GetString()!);
                break;
            case "REMOVE":
                _rows.Remove(Key(op));
                break;
            case "CLEAR":
                _rows.Clear();
                Checksum = 0;
                break;
            case "MOVE":
                break;
            default:
                throw new InvalidDataException($"Operation {opId.ToString(CultureInfo.InvariantCulture)} is of an unknown kind.");
        }
        unchecked
        {
            Checksum += checksum;
        }
    }

    private static string Key(JsonElement op) =>
        $"{op.GetProperty("object_type").GetString()}/{op.GetProperty("object_id").GetString()}/{op.GetProperty("subkey").GetString()}";
}

/// <summary>One row of a bucket.</summary>
/// <param name="OpId">Of several rows of the same type and id the highest is shown.</param>
/// <param name="Type">Client table.</param>
/// <param name="Id">Row id.</param>
/// <param name="Data">JSON object.</param>
public sealed record RowCopy(ulong OpId, string Type, string Id, string Data)
{
    /// <summary>Text of one column, or null.</summary>
    public string? this[string column]
    {
        get
        {
            using var row = JsonDocument.Parse(Data);
            return row.RootElement.TryGetProperty(column, out var value) ? value.ToString() : null;
        }
    }
}

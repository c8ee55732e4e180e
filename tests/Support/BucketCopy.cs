using System.Globalization;
using System.Text.Json;

namespace TopGun.Buckets.Tests.Support;

/// <summary>One bucket as a client holds it: its rows, its checksum, and how far it has come.</summary>
internal sealed class BucketCopy
{
    private readonly Dictionary<string, RowCopy> _rows = [];
    private readonly List<(string Key, RowCopy? Row)> _arrived = []; // since the last completed checkpoint; a key without a row is removed
    private bool _isCleared; // before what has arrived

    /// <summary>Last operation received, or the checkpoint that was completed after it.</summary>
    public ulong Position { get; private set; }

    /// <summary>Wrapping sum over all operations received.</summary>
    public uint Checksum { get; private set; }

    /// <summary>Rows as of the last checkpoint that was completed.</summary>
    public IEnumerable<RowCopy> Rows => _rows.Values;

    /// <summary>Everything up to the checkpoint has arrived.</summary>
    public void Complete(ulong checkpoint)
    {
        Position = Math.Max(Position, checkpoint);
        if (_isCleared)
            _rows.Clear();
        foreach (var (key, row) in _arrived)
        {
            if (row is null)
                _rows.Remove(key);
            else
                _rows[key] = row;
        }
        _arrived.Clear();
        _isCleared = false;
    }

    /// <summary>Applies one operation of a data line.</summary>
    public void Apply(ulong opId, JsonElement op)
    {
        Position = opId;
        var checksum = op.GetProperty("checksum").GetUInt32();
        switch (op.GetProperty("op").GetString())
        {
            case "PUT":
                _arrived.Add((Key(op), new RowCopy(
                    opId,
                    op.GetProperty("object_type").GetString()!,
                    op.GetProperty("object_id").GetString()!,
                    op.GetProperty("data").GetString()!)));
                break;
            case "REMOVE":
                _arrived.Add((Key(op), null));
                break;
            case "CLEAR":
                _arrived.Clear();
                _isCleared = true;
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

/// <summary>One version of a row of a bucket.</summary>
/// <param name="opId">Of several rows of the same type and id the highest is shown.</param>
/// <param name="type">Client table.</param>
/// <param name="id">Row id.</param>
/// <param name="data">JSON object.</param>
public sealed class RowCopy(ulong opId, string type, string id, string data)
{
    private JsonElement? _columns; // read once: whoever waits looks at every row of every checkpoint

    public ulong OpId => opId;

    public string Type => type;

    public string Id => id;

    public string Data => data;

    /// <summary>Text of one column, or null.</summary>
    public string? this[string column]
    {
        get
        {
            _columns ??= JsonElement.Parse(data);
            return _columns.Value.TryGetProperty(column, out var value) ? value.ToString() : null;
        }
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Client.Testing;

/// <summary>The operations of one bucket that holds every row, and the rows that they lead to.</summary>
internal sealed class FakeLog
{
    private const string Bucket = "all[]";

    private readonly List<(string Kind, string Table, string Id, string? Data)> _ops = [];
    private readonly Dictionary<(string Table, string Id), JsonObject> _rows = [];

    /// <summary>The newest operation; they count from 1.</summary>
    public int LastOp => _ops.Count;

    public JsonObject? Find(string table, string id) => _rows.TryGetValue((table, id), out var row) ? (JsonObject)row.DeepClone() : null;

    public void Put(string table, string id, JsonObject columns)
    {
        var row = (JsonObject)columns.DeepClone();
        row["id"] = id;
        _rows[(table, id)] = row;
        _ops.Add(("PUT", table, id, row.ToJsonString()));
    }

    public void Remove(string table, string id)
    {
        if (_rows.Remove((table, id)))
            _ops.Add(("REMOVE", table, id, null));
    }

    /// <summary>Does what a device did. A change of a row that is gone is settled by its removal.</summary>
    public void Apply(CrudEntry entry)
    {
        switch (entry.Op)
        {
            case CrudOp.Put:
                Put(entry.Table, entry.Id, Columns(entry));
                break;
            case CrudOp.Patch when Find(entry.Table, entry.Id) is { } row:
                foreach (var (column, value) in Columns(entry))
                    row[column] = value?.DeepClone();
                Put(entry.Table, entry.Id, row);
                break;
            case CrudOp.Delete:
                Remove(entry.Table, entry.Id);
                break;
        }
    }

    /// <summary>How far a device holds the bucket, as its request says.</summary>
    public static int PositionIn(JsonElement request)
    {
        foreach (var bucket in request.GetProperty("buckets").EnumerateArray())
        {
            if (bucket.GetProperty("name").GetString() == Bucket)
                return int.Parse(bucket.GetProperty("after").GetString()!, CultureInfo.InvariantCulture);
        }
        return 0;
    }

    /// <summary>Writes the bucket as checkpoint lines describe it.</summary>
    public void Describe(Utf8JsonWriter writer)
    {
        var sum = 0U;
        for (var op = 1; op <= _ops.Count; op++)
            sum += ChecksumOf(op);
        writer.WriteStartObject();
        writer.WriteString("bucket", Bucket);
        writer.WriteNumber("checksum", sum);
        writer.WriteNumber("count", _ops.Count);
        writer.WriteNumber("priority", 3);
        writer.WriteStartArray("subscriptions");
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Writes a data line of everything after an operation.</summary>
    public void WriteAfter(Utf8JsonWriter writer, int after)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("data");
        writer.WriteString("bucket", Bucket);
        writer.WriteString("after", Number(after));
        writer.WriteString("next_after", Number(_ops.Count));
        writer.WriteBoolean("has_more", false);
        writer.WriteStartArray("data");
        for (var op = after + 1; op <= _ops.Count; op++)
        {
            var (kind, table, id, data) = _ops[op - 1];
            writer.WriteStartObject();
            writer.WriteString("op_id", Number(op));
            writer.WriteString("op", kind);
            writer.WriteString("object_type", table);
            writer.WriteString("object_id", id);
            writer.WriteString("subkey", "");
            if (data is not null)
                writer.WriteString("data", data);
            writer.WriteNumber("checksum", ChecksumOf(op));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    public static string Number(int op) => op.ToString(CultureInfo.InvariantCulture);

    // Any number will do, as long as it is always the same.
    private static uint ChecksumOf(int op) => unchecked((uint)op * 2654435761U);

    private static JsonObject Columns(CrudEntry entry) => entry.Data is { } data ? JsonObject.Create(data)! : [];
}

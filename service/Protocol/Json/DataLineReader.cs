using System.Buffers;
using System.Text.Json;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>One operation of a <c>data</c> line. The spans are valid until the next <see cref="DataLineReader.Read"/>.</summary>
public readonly ref struct DataOp
{
    /// <summary>Position in the log.</summary>
    public required OpId OpId { get; init; }

    /// <summary>What it does.</summary>
    public required OpKind Kind { get; init; }

    /// <summary>Its share of the bucket's checksum.</summary>
    public required uint Checksum { get; init; }

    /// <summary>Client table, UTF-8; empty when the line has none.</summary>
    public required ReadOnlySpan<byte> Type { get; init; }

    /// <summary>Row id, UTF-8; empty when the line has none.</summary>
    public required ReadOnlySpan<byte> Id { get; init; }

    /// <summary>Key of the source row, UTF-8; empty when the line has none.</summary>
    public required ReadOnlySpan<byte> Subkey { get; init; }

    /// <summary>The row as JSON, UTF-8; empty unless it is a PUT.</summary>
    public required ReadOnlySpan<byte> Data { get; init; }
}

/// <summary>Walks the operations of a <c>data</c> line without allocating per operation.</summary>
/// <remarks>Fields may come in any order. Dispose returns the rented buffer that holds unescaped strings.</remarks>
public ref struct DataLineReader
{
    // {"data":{"bucket":string,"after":string,"next_after":string,"has_more":bool,"data":[op, …]}}
    // op := {"op_id":string,"op":"PUT|REMOVE|MOVE|CLEAR","object_type":string,"object_id":string,"subkey":string,"data":string,"checksum":number}

    private readonly ReadOnlySpan<byte> _line;
    private Utf8JsonReader _reader;
    private byte[]? _unescaped;
    private int _unescapedLength;

    /// <summary>Opens a line whose kind is <see cref="SyncLineKind.Data"/>.</summary>
    /// <exception cref="BucketsException">The line is malformed (TGB6010).</exception>
    public DataLineReader(ReadOnlySpan<byte> line)
    {
        _line = line;
        try
        {
            _reader = new Utf8JsonReader(line);
            if (SyncLineReader.OpenLine(ref _reader) != SyncLineKind.Data)
                throw JsonText.Malformed("it is not a data line.");
            JsonText.Next(ref _reader);
            JsonText.Expect(ref _reader, JsonTokenType.StartObject, "data");
            FindOperations();
        }
        catch (JsonException exception)
        {
            throw JsonText.Malformed("it is not JSON.", exception);
        }
    }

    /// <summary>Name of the bucket that all operations of the line belong to.</summary>
    public string Bucket { get; private set; } = "";

    /// <summary>Reads the next operation.</summary>
    /// <exception cref="BucketsException">The line is malformed (TGB6010).</exception>
    public bool Read(out DataOp op)
    {
        try
        {
            JsonText.Next(ref _reader);
            if (_reader.TokenType == JsonTokenType.EndArray)
            {
                while (_reader.Read())
                {
                    // The rest of the line holds nothing the receiver needs, but it must be JSON: a cut line must not count.
                }
                op = default;
                return false;
            }
            ReadOperation(out op);
            return true;
        }
        catch (JsonException exception)
        {
            throw JsonText.Malformed("it is not JSON.", exception);
        }
    }

    /// <summary>Returns the rented buffer.</summary>
    public void Dispose()
    {
        if (_unescaped is null)
            return;
        ArrayPool<byte>.Shared.Return(_unescaped);
        _unescaped = null;
    }

    /// <summary>Reads the bucket's name and leaves the reader at the start of the operations.</summary>
    private void FindOperations()
    {
        var found = false;
        var operations = _reader;
        while (SyncLineReader.NextField(ref _reader))
        {
            if (SyncLineReader.Is(ref _reader, "bucket"u8))
            {
                Bucket = JsonText.String(ref _reader, "bucket");
            }
            else if (SyncLineReader.Is(ref _reader, "data"u8))
            {
                JsonText.Expect(ref _reader, JsonTokenType.StartArray, "data");
                if (Bucket.Length > 0)
                    return; // the usual order; reading on would mean scanning the operations twice
                found = true;
                operations = _reader;
                _reader.Skip();
            }
            else
            {
                SyncLineReader.SkipField(ref _reader);
            }
        }
        if (!found)
            throw SyncLineReader.Missing("data");
        if (Bucket.Length == 0)
            throw SyncLineReader.Missing("bucket");
        _reader = operations;
    }

    private void ReadOperation(out DataOp op)
    {
        OpId? opId = null;
        OpKind? kind = null;
        uint? checksum = null;
        ReadOnlySpan<byte> type = default, id = default, subkey = default, data = default;
        _unescapedLength = 0;

        JsonText.Expect(ref _reader, JsonTokenType.StartObject, "data");
        while (SyncLineReader.NextField(ref _reader))
        {
            if (SyncLineReader.Is(ref _reader, "op_id"u8))
                opId = JsonText.OpId(ref _reader, "op_id");
            else if (SyncLineReader.Is(ref _reader, "op"u8))
                kind = Kind(ref _reader);
            else if (SyncLineReader.Is(ref _reader, "object_type"u8))
                type = Text("object_type");
            else if (SyncLineReader.Is(ref _reader, "object_id"u8))
                id = Text("object_id");
            else if (SyncLineReader.Is(ref _reader, "subkey"u8))
                subkey = Text("subkey");
            else if (SyncLineReader.Is(ref _reader, "data"u8))
                data = Row();
            else if (SyncLineReader.Is(ref _reader, "checksum"u8))
                checksum = JsonText.Checksum(ref _reader, "checksum");
            else
                SyncLineReader.SkipField(ref _reader);
        }
        op = new DataOp
        {
            OpId = opId ?? throw SyncLineReader.Missing("op_id"),
            Kind = kind ?? throw SyncLineReader.Missing("op"),
            Checksum = checksum ?? throw SyncLineReader.Missing("checksum"),
            Type = type,
            Id = id,
            Subkey = subkey,
            Data = data,
        };
    }

    private static OpKind Kind(ref Utf8JsonReader reader)
    {
        JsonText.Expect(ref reader, JsonTokenType.String, "op");
        if (reader.ValueTextEquals("PUT"u8))
            return OpKind.Put;
        if (reader.ValueTextEquals("REMOVE"u8))
            return OpKind.Remove;
        if (reader.ValueTextEquals("MOVE"u8))
            return OpKind.Move;
        return reader.ValueTextEquals("CLEAR"u8)
            ? OpKind.Clear
            : throw JsonText.Malformed($"operation '{JsonText.String(ref reader, "op")}' is unknown.");
    }

    /// <summary>Row data: a JSON string by default, a nested object from services that do not send raw text.</summary>
    private ReadOnlySpan<byte> Row()
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
            return Text("data");
        var start = (int)_reader.TokenStartIndex;
        _reader.Skip();
        return _line[start..(int)_reader.BytesConsumed];
    }

    private ReadOnlySpan<byte> Text(string field)
    {
        if (_reader.TokenType == JsonTokenType.Null)
            return default;
        JsonText.Expect(ref _reader, JsonTokenType.String, field);
        if (!_reader.ValueIsEscaped)
            return _reader.ValueSpan;

        // Text without escapes is never longer than with them, so the line's length is room enough for all of an operation's strings.
        _unescaped ??= ArrayPool<byte>.Shared.Rent(_line.Length);
        try
        {
            var length = _reader.CopyString(_unescaped.AsSpan(_unescapedLength));
            var text = _unescaped.AsSpan(_unescapedLength, length);
            _unescapedLength += length;
            return text;
        }
        catch (InvalidOperationException exception)
        {
            throw JsonText.Malformed($"'{field}' is not valid UTF-8.", exception);
        }
    }
}

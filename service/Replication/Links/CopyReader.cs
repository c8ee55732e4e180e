using System.Buffers.Binary;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Reads the rows of <c>COPY … TO STDOUT (FORMAT binary)</c> whose columns are all text.</summary>
/// <remarks>The binary format only frames the texts: unlike the text format it has nothing to unescape.</remarks>
internal sealed class CopyReader(Stream stream)
{
    // "PGCOPY\n\377\r\n\0" (11 bytes), Int32 flags, Int32 length of an extension; then rows: Int16 n, n × (Int32 length or −1 for null, bytes);
    // then Int16 −1.
    private const int HeaderSize = 11 + 4 + 4;

    private byte[] _buffer = new byte[256 << 10];
    private int _start;
    private int _end;

    /// <summary>Reads rows of <paramref name="columns"/> values each.</summary>
    /// <returns>Whether it came to their end; otherwise they became longer than <paramref name="limitBytes"/>.</returns>
    public async ValueTask<bool> ReadAsync(RowBuffer rows, int columns, int limitBytes, CancellationToken cancellationToken)
    {
        await FillAsync(HeaderSize, cancellationToken);
        _start += HeaderSize;
        while (true)
        {
            if (!TryReadRow(rows, columns, out var needed))
            {
                if (needed == 0)
                    return true;
                await FillAsync(needed, cancellationToken);
            }
            else if (rows.ByteCount > limitBytes)
            {
                return false;
            }
        }
    }

    /// <summary>Reads a row if it is here whole.</summary>
    /// <param name="rows">Takes the row.</param>
    /// <param name="columns">How many values it must have.</param>
    /// <param name="needed">Bytes without which it cannot go on; 0 at the end of the rows.</param>
    private bool TryReadRow(RowBuffer rows, int columns, out int needed)
    {
        var bytes = _buffer.AsSpan(_start, _end - _start);
        needed = sizeof(short);
        if (bytes.Length < needed)
            return false;
        var count = BinaryPrimitives.ReadInt16BigEndian(bytes);
        if (count == -1)
        {
            needed = 0;
            return false;
        }
        if (count != columns)
            throw SourceFailure.MalformedMessage($"a copied row has {count} values where {columns} were asked for");
        var length = Measure(bytes, columns, out needed);
        if (length < 0)
            return false;
        var position = sizeof(short);
        for (var column = 0; column < columns; column++)
        {
            var size = BinaryPrimitives.ReadInt32BigEndian(bytes[position..]);
            position += sizeof(int);
            if (size < 0)
            {
                rows.Add(SourceValueKind.Null, default);
                continue;
            }
            rows.Add(SourceValueKind.Text, bytes.Slice(position, size));
            position += size;
        }
        _start += length;
        return true;
    }

    /// <summary>Length of the first row; −1 when not all of it is here.</summary>
    private static int Measure(ReadOnlySpan<byte> bytes, int columns, out int needed)
    {
        var position = sizeof(short);
        for (var column = 0; column < columns; column++)
        {
            needed = position + sizeof(int);
            if (bytes.Length < needed)
                return -1;
            var size = BinaryPrimitives.ReadInt32BigEndian(bytes[position..]);
            position = checked(needed + Math.Max(0, size));
        }
        needed = position;
        return bytes.Length < position ? -1 : position;
    }

    /// <summary>Reads until at least <paramref name="needed"/> bytes are here.</summary>
    private async ValueTask FillAsync(int needed, CancellationToken cancellationToken)
    {
        if (_buffer.Length - _start < needed)
        {
            var target = _buffer.Length < needed ? new byte[Math.Max(needed, Math.Min(_buffer.Length * 2L, Array.MaxLength))] : _buffer;
            _buffer.AsSpan(_start, _end - _start).CopyTo(target);
            _buffer = target;
            _end -= _start;
            _start = 0;
        }
        while (_end - _start < needed)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Each read gives one row at most. With the token it would also arm and disarm a cancellation for each row;
            // whoever owns the copy cancels it as a whole.
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), CancellationToken.None);
            if (read == 0)
                throw SourceFailure.MalformedMessage("the copied rows ended too early");
            _end += read;
        }
    }
}

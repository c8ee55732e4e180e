namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>Splits a stream into lines, each in one piece of memory, valid until the next is read.</summary>
internal sealed class LineReader(Stream stream)
{
    private byte[] _buffer = new byte[1 << 18]; // grows to hold the longest line
    private int _start;
    private int _scanned;
    private int _end;

    public long BytesRead { get; private set; }

    /// <summary>The next line without its newline.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var newline = _buffer.AsSpan(_scanned, _end - _scanned).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = _buffer.AsMemory(_start, _scanned + newline - _start);
                _start = _scanned = _scanned + newline + 1;
                return line;
            }

            _scanned = _end;
            if (_end == _buffer.Length)
                MakeRoom();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            if (read == 0)
                throw new EndOfStreamException("The service has ended the stream.");
            _end += read;
            BytesRead += read;
        }
    }

    private void MakeRoom()
    {
        var pending = _buffer.AsSpan(_start, _end - _start);
        var target = pending.Length > _buffer.Length / 2 ? new byte[_buffer.Length * 2] : _buffer;
        pending.CopyTo(target);
        _buffer = target;
        _scanned -= _start;
        _end -= _start;
        _start = 0;
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace TopGun.Buckets.Client.Connection;

/// <summary>
/// The sync stream in single answers (<c>POST /sync</c>), for networks that keep no connection and pass on nothing before its end: each answer is one
/// checkpoint, or a part of it, and the next is asked for after a while.
/// </summary>
internal sealed class PolledLines(
    HttpSyncTransport http, ReadOnlyMemory<byte> request, SyncCredentials credentials, TimeProvider time) : PulledLines
{
    /// <summary>Pause after an answer that leaves nothing to fetch.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(5); // well below the silence after which a connection counts as dead

    private readonly ArrayBufferWriter<byte> _lines = new(64 << 10);
    private PipeReader? _answer;
    private string? _cursor;
    private bool _isComplete; // the last answer had everything

    protected override async ValueTask<ReadOnlyMemory<byte>?> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            _lines.ResetWrittenCount();
            _answer ??= await AskAsync(cancellationToken);
            var read = await _answer.ReadAsync(cancellationToken);
            var buffer = read.Buffer;
            while (TryTakeLine(ref buffer, out var line))
                Take(line);
            _answer.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                await _answer.CompleteAsync();
                _answer = null;
            }
            if (_lines.WrittenCount > 0)
                return _lines.WrittenMemory;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _answer?.Complete();
        base.Dispose(disposing);
    }

    private async Task<PipeReader> AskAsync(CancellationToken cancellationToken)
    {
        if (_isComplete)
            await Task.Delay(Pause, time, cancellationToken);
        _isComplete = false;
        return await http.PostLinesAsync("sync", _cursor is null ? request : WithCursor(_cursor), credentials, cancellationToken);
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        line = default;
        if (buffer.PositionOf((byte)'\n') is not { } end)
            return false;
        var next = buffer.GetPosition(1, end);
        line = buffer.Slice(0, next);
        buffer = buffer.Slice(next);
        return true;
    }

    private void Take(ReadOnlySequence<byte> line)
    {
        if (StartsWith(line, "{\"cursor\":"u8))
        {
            using var document = JsonDocument.Parse(line);
            _cursor = document.RootElement.GetProperty("cursor").GetString();
            return;
        }
        _isComplete |= StartsWith(line, "{\"checkpoint_complete\":"u8);
        foreach (var segment in line)
            _lines.Write(segment.Span);
    }

    private static bool StartsWith(ReadOnlySequence<byte> line, ReadOnlySpan<byte> start)
    {
        if (line.Length < start.Length)
            return false;
        Span<byte> begin = stackalloc byte[32];
        line.Slice(0, start.Length).CopyTo(begin);
        return begin[..start.Length].SequenceEqual(start);
    }

    /// <summary>The request with what the last answer ended with in the place of what the client held at first.</summary>
    private byte[] WithCursor(string cursor)
    {
        using var document = JsonDocument.Parse(request);
        var output = new ArrayBufferWriter<byte>(request.Length + cursor.Length);
        using (var json = new Utf8JsonWriter(output, MessageJson.Options))
        {
            json.WriteStartObject();
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.Name != "buckets")
                    member.WriteTo(json);
            }
            json.WriteString("cursor", cursor);
            json.WriteEndObject();
        }
        return output.WrittenSpan.ToArray();
    }
}

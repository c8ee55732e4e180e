using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;

namespace TopGun.Buckets.Client.Testing;

/// <summary>One open stream to one client.</summary>
internal sealed class FakeStream(string clientId, int position)
{
    // Without a limit, so that writing to it never waits for the client.
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
    private int _position = position;

    public string ClientId { get; } = clientId;

    public PipeReader Reader => _pipe.Reader;

    public void Begin(FakeLog log, ulong? writeCheckpoint) => Send(log, writeCheckpoint, "checkpoint", "buckets");

    /// <summary>Sends what is new, up to a whole checkpoint.</summary>
    /// <returns>False when nobody reads any more.</returns>
    public bool Push(FakeLog log, ulong? writeCheckpoint) => Send(log, writeCheckpoint, "checkpoint_diff", "updated_buckets");

    public void End() => _pipe.Writer.Complete();

    private bool Send(FakeLog log, ulong? writeCheckpoint, string line, string buckets)
    {
        WriteLine(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject(line);
            writer.WriteString("last_op_id", FakeLog.Number(log.LastOp));
            if (writeCheckpoint is { } number)
                writer.WriteString("write_checkpoint", number.ToString(CultureInfo.InvariantCulture));
            writer.WriteStartArray(buckets);
            log.Describe(writer);
            writer.WriteEndArray();
            writer.WriteStartArray(line == "checkpoint" ? "streams" : "removed_buckets");
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
        if (log.LastOp > _position)
            WriteLine(writer => log.WriteAfter(writer, _position));
        _position = log.LastOp;
        WriteLine(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("checkpoint_complete");
            writer.WriteString("last_op_id", FakeLog.Number(log.LastOp));
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
        var flushed = _pipe.Writer.FlushAsync();
        return !(flushed.IsCompletedSuccessfully && flushed.Result.IsCompleted);
    }

    private void WriteLine(Action<Utf8JsonWriter> write)
    {
        using (var writer = new Utf8JsonWriter(_pipe.Writer))
            write(writer);
        _pipe.Writer.Write("\n"u8);
    }
}

using System.Buffers;
using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using TopGun.Buckets.Protocol.MessagePack;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>What the .NET client does with a first sync's rows before they reach SQLite, when they came as MessagePack; beside NDJSON.</summary>
internal static class LinesBenchmark
{
    private const int OpsPerLine = 1000;

    // As the client has it.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var count = arguments.Int("rows", 200_000);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();
        var (json, packs) = Lines(RecordedStream.Create(count, changes: 0).Rows);
        var (jsonBytes, packBytes) = (0.0, 0.0);
        ReadJson(json);
        ReadPacks(packs);

        var (figure, limit) = await Rounds.AlternateAsync(
            rounds,
            figure: () => Task.FromResult(Measure(() => ReadPacks(packs), count, out packBytes)),
            limit: () => Task.FromResult(Measure(() => ReadJson(json), count, out jsonBytes)));

        cancellationToken.ThrowIfCancellationRequested();
        new Measurement("lines", figure, "rows/s", limit, "NDJSON lines of the same rows")
        {
            Parameters = new()
            {
                ["rows"] = count,
                ["bytes"] = packs.Sum(static pack => pack.Length),
                ["bytes_as_json"] = json.Sum(static line => line.Length),
                ["allocated_bytes_per_row"] = Math.Round(packBytes, 2),
                ["allocated_bytes_per_row_as_json"] = Math.Round(jsonBytes, 2),
                ["rounds"] = rounds,
            },
        }.Print();
    }

    private static double Measure(Func<long> read, int count, out double allocated)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        if (read() == 0)
            throw new InvalidDataException("The lines hold no rows.");
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)count;
        return count / seconds;
    }

    private static long ReadJson(List<byte[]> lines)
    {
        var bytes = 0L;
        foreach (var line in lines)
            bytes += Read(line);
        return bytes;
    }

    private static long ReadPacks(List<byte[]> packs)
    {
        var bytes = 0L;
        var line = new ArrayBufferWriter<byte>(64 << 10);
        foreach (var pack in packs)
        {
            line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(line, Options))
            {
                if (MessagePackReader.TryConvertLine(pack, json) is { } problem)
                    throw new InvalidDataException(problem);
            }
            bytes += Read(line.WrittenSpan);
        }
        return bytes;
    }

    private static long Read(ReadOnlySpan<byte> line)
    {
        var bytes = 0L;
        using var reader = new DataLineReader(line);
        while (reader.Read(out var op))
            bytes += op.Data.Length;
        return bytes;
    }

    private static (List<byte[]> Json, List<byte[]> Packs) Lines(IReadOnlyList<(byte[] Id, byte[] Data)> rows)
    {
        var (jsonLines, packLines) = (new List<byte[]>(), new List<byte[]>());
        for (var first = 0; first < rows.Count; first += OpsPerLine)
        {
            var last = Math.Min(first + OpsPerLine, rows.Count);
            var (json, pack) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
            var jsonLine = new DataLineWriter(json, "1#tasks[]", new OpId((ulong)first), new OpId((ulong)last), hasMore: true, rawData: true);
            var packLine = new MessagePackDataLineWriter(pack, "1#tasks[]", new OpId((ulong)first), new OpId((ulong)last), hasMore: true, last - first, fragmentBytes: 0);
            for (var index = first; index < last; index++)
            {
                var fragment = new ArrayBufferWriter<byte>();
                OpFragment.WritePut(fragment, "tasks"u8, rows[index].Id, rows[index].Id, rows[index].Data);
                jsonLine.Add(new OpId((ulong)index + 1), fragment.WrittenSpan);
                packLine.Add(new OpId((ulong)index + 1), fragment.WrittenSpan);
            }
            jsonLine.End();
            packLine.End();
            jsonLines.Add(json.WrittenSpan.ToArray());
            packLines.Add(pack.WrittenSpan.ToArray());
        }
        return (jsonLines, packLines);
    }
}

using System.Buffers;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Benchmarks.Rules;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>The rows of a first sync, and the lines in which a service sends them: one bucket, 1000 operations a line.</summary>
internal sealed class RecordedStream
{
    private const int OpsPerLine = 1000;
    private const string Bucket = "1#by_list[\\\"7\\\"]";

    private RecordedStream(List<(byte[] Id, byte[] Data)> rows, ReadOnlyMemory<byte> lines)
    {
        Rows = rows;
        Lines = lines;
    }

    /// <summary>Id and JSON of each row, UTF-8.</summary>
    public IReadOnlyList<(byte[] Id, byte[] Data)> Rows { get; }

    /// <summary>From <c>checkpoint</c> up to and with <c>checkpoint_complete</c>.</summary>
    public ReadOnlyMemory<byte> Lines { get; }

    public static RecordedStream Create(int count)
    {
        var rows = new List<(byte[] Id, byte[] Data)>(count);
        var lines = new ArrayBufferWriter<byte>();
        var json = new RowJson(TaskRows.Table);
        var checksum = 0u;
        foreach (var row in TaskRows.Create(count, lists: 100))
        {
            if (rows.Count % OpsPerLine == 0)
                StartLine(lines, after: rows.Count, count);
            var id = row[0].Text.ToArray();
            var data = json.Encode(row).ToArray();
            rows.Add((id, data));
            Write(lines, $"{{\"op_id\":\"{rows.Count}\",");
            checksum += OpFragment.WritePut(lines, "tasks"u8, id, subkey: id, data);
            lines.Write(rows.Count % OpsPerLine == 0 || rows.Count == count ? "]}}\n"u8 : ","u8);
        }
        Write(lines, $"{{\"checkpoint_complete\":{{\"last_op_id\":\"{count}\"}}}}\n");

        var all = new ArrayBufferWriter<byte>(lines.WrittenCount + 1000);
        Write(all, $"{{\"checkpoint\":{{\"last_op_id\":\"{count}\",\"buckets\":[{{\"bucket\":\"{Bucket}\",\"checksum\":{checksum},\"count\":{count},");
        Write(all, $"\"priority\":3,\"subscriptions\":[{{\"default\":0}}]}}],\"streams\":[{{\"name\":\"by_list\",\"is_default\":true,\"errors\":[]}}]}}}}\n");
        all.Write(lines.WrittenSpan);
        return new RecordedStream(rows, all.WrittenMemory);
    }

    private static void StartLine(ArrayBufferWriter<byte> lines, int after, int count)
    {
        var upTo = Math.Min(after + OpsPerLine, count);
        var more = upTo < count ? "true" : "false";
        Write(lines, $"{{\"data\":{{\"bucket\":\"{Bucket}\",\"after\":\"{after}\",\"next_after\":\"{upTo}\",\"has_more\":{more},\"data\":[");
    }

    private static void Write(ArrayBufferWriter<byte> output, FormattableString text) =>
        Encoding.UTF8.GetBytes(text.ToString(CultureInfo.InvariantCulture), output);
}

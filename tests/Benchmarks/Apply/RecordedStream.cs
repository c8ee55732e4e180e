using System.Buffers;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Benchmarks.Rules;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>
/// The rows of a first sync and changes of some of them, and the lines in which a service sends them: one bucket, 1000 operations a line and a checkpoint of
/// changes.
/// </summary>
internal sealed class RecordedStream
{
    /// <summary>Changed rows of a checkpoint.</summary>
    public const int OpsPerCheckpoint = 1000;

    /// <summary>The write checkpoint by which the last change is known.</summary>
    public const int LastWriteCheckpoint = 7;

    private const int OpsPerLine = 1000;
    private const string Bucket = "1#by_list[\\\"7\\\"]";

    private readonly List<(byte[] Id, byte[] Data)> _rows;
    private readonly List<(byte[] Id, byte[] Data)> _changes = [];
    private uint _checksum;

    private RecordedStream(int count) => _rows = new List<(byte[] Id, byte[] Data)>(count);

    /// <summary>Id and JSON of each row, UTF-8.</summary>
    public IReadOnlyList<(byte[] Id, byte[] Data)> Rows => _rows;

    /// <summary>The same of each change.</summary>
    public IReadOnlyList<(byte[] Id, byte[] Data)> Changes => _changes;

    /// <summary>From <c>checkpoint</c> up to and with the last <c>checkpoint_complete</c>.</summary>
    public ReadOnlyMemory<byte> Lines { get; private set; }

    public static RecordedStream Create(int count, int changes)
    {
        var recorded = new RecordedStream(count);
        recorded.Record(TaskRows.Create(count, lists: 100), changes);
        return recorded;
    }

    private void Record(SyncRules.SourceRow[] rows, int changes)
    {
        var json = new RowJson(TaskRows.Table);
        var data = new ArrayBufferWriter<byte>();
        foreach (var row in rows)
            _rows.Add((row[0].Text.ToArray(), json.Encode(row).ToArray()));
        WriteOps(data, _rows, after: 0);
        var all = new ArrayBufferWriter<byte>(data.WrittenCount + 1000);
        Write(all, $"{{\"checkpoint\":{{\"last_op_id\":\"{rows.Length}\",\"buckets\":[{Described(rows.Length)}],\"streams\":[{{\"name\":\"by_list\",\"is_default\":true,\"errors\":[]}}]}}}}\n");
        all.Write(data.WrittenSpan);
        Write(all, $"{{\"checkpoint_complete\":{{\"last_op_id\":\"{rows.Length}\"}}}}\n");

        var random = new Random(11);
        for (var done = 0; done < changes; done += OpsPerCheckpoint)
        {
            var changed = TaskRows.Change([.. Enumerable.Range(0, Math.Min(OpsPerCheckpoint, changes - done)).Select(_ => rows[random.Next(rows.Length)])])
                .Select(row => (row[0].Text.ToArray(), json.Encode(row).ToArray())).ToList();
            _changes.AddRange(changed);
            data.Clear();
            var last = rows.Length + done + changed.Count;
            WriteOps(data, changed, after: rows.Length + done);
            var written = done + changed.Count == changes ? LastWriteCheckpoint : 1;
            Write(all, $"{{\"checkpoint_diff\":{{\"last_op_id\":\"{last}\",\"write_checkpoint\":\"{written}\",\"removed_buckets\":[],\"updated_buckets\":[{Described(last)}]}}}}\n");
            all.Write(data.WrittenSpan);
            Write(all, $"{{\"checkpoint_complete\":{{\"last_op_id\":\"{last}\"}}}}\n");
        }
        Lines = all.WrittenMemory;
    }

    private string Described(int count) => string.Create(
        CultureInfo.InvariantCulture, $"{{\"bucket\":\"{Bucket}\",\"checksum\":{_checksum},\"count\":{count},\"priority\":3,\"subscriptions\":[{{\"default\":0}}]}}");

    private void WriteOps(ArrayBufferWriter<byte> lines, List<(byte[] Id, byte[] Data)> rows, int after)
    {
        for (var index = 0; index < rows.Count; index++)
        {
            if (index % OpsPerLine == 0)
                StartLine(lines, after + index, after + Math.Min(index + OpsPerLine, rows.Count), index + OpsPerLine < rows.Count);
            Write(lines, $"{{\"op_id\":\"{after + index + 1}\",");
            _checksum += OpFragment.WritePut(lines, "tasks"u8, rows[index].Id, subkey: rows[index].Id, rows[index].Data);
            lines.Write((index + 1) % OpsPerLine == 0 || index + 1 == rows.Count ? "]}}\n"u8 : ","u8);
        }
    }

    private static void StartLine(ArrayBufferWriter<byte> lines, int after, int upTo, bool more) => Write(
        lines, $"{{\"data\":{{\"bucket\":\"{Bucket}\",\"after\":\"{after}\",\"next_after\":\"{upTo}\",\"has_more\":{(more ? "true" : "false")},\"data\":[");

    private static void Write(ArrayBufferWriter<byte> output, FormattableString text) =>
        Encoding.UTF8.GetBytes(text.ToString(CultureInfo.InvariantCulture), output);
}

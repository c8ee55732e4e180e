using System.Buffers;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Reads all runs at once, in the order of the rows.</summary>
/// <remarks>
/// How far it is stands in <c>tg_meta</c> and commits together with what its caller makes of the rows, so that after a kill it goes on where
/// the last commit left it.
/// </remarks>
internal sealed class RunMerge
{
    private readonly PriorityQueue<RunCursor, RunCursor> _runs = new(Comparer<RunCursor>.Create(Compare));
    private readonly ArrayBufferWriter<byte> _row = new();
    private readonly List<int> _starts = [];

    private RunMerge()
    {
    }

    /// <summary>Operations on the present row.</summary>
    public int Count => _starts.Count;

    /// <summary>Bytes of them.</summary>
    public int Bytes => _row.WrittenCount;

    /// <summary>Operations on the present row, the oldest first.</summary>
    public RunRecord this[int index] => RunRecord.At(_row.WrittenSpan, _starts[index]);

    public static RunMerge Open(Database database, RunFile file, int partBytes)
    {
        var merge = new RunMerge();
        var (id, type) = Mark(database);
        foreach (var run in Run.All(database))
        {
            var cursor = new RunCursor(run, partBytes);
            var more = cursor.MoveNext(file);
            while (more && id is not null && RunRecord.CompareRow(cursor.Current, id, type) <= 0)
                more = cursor.MoveNext(file);
            if (more)
                merge._runs.Enqueue(cursor, cursor);
        }
        return merge;
    }

    /// <summary>Goes to the first or next row.</summary>
    /// <returns>Whether there is one.</returns>
    public bool MoveNext(RunFile file)
    {
        _starts.Clear();
        _row.ResetWrittenCount();
        while (_runs.TryPeek(out var run, out _) && (_starts.Count == 0 || run.Current.IsOfSameRow(this[0])))
        {
            _starts.Add(_row.WrittenCount);
            _row.Write(run.Current.Bytes);
            _runs.Dequeue();
            if (run.MoveNext(file))
                _runs.Enqueue(run, run);
        }
        return _starts.Count > 0;
    }

    /// <summary>Notes that everything up to the present row has been dealt with.</summary>
    public void Note(Database database) =>
        database.Prepare("INSERT INTO tg_meta(key, value) VALUES('merged', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value")
            .Bind(1, string.Create(CultureInfo.InvariantCulture, $"{this[0].Type} {Encoding.UTF8.GetString(this[0].Id)}")).Run();

    public static void Forget(Database database) => database.Run("DELETE FROM tg_meta WHERE key = 'merged'");

    private static int Compare(RunCursor x, RunCursor y) =>
        x.Prefix != y.Prefix ? x.Prefix.CompareTo(y.Prefix) : RunRecord.Compare(x.Current, y.Current);

    private static (byte[]? Id, long Type) Mark(Database database)
    {
        if (database.Prepare("SELECT value FROM tg_meta WHERE key = 'merged'").RunText() is not { } mark)
            return (null, 0);
        var space = mark.IndexOf(' ', StringComparison.Ordinal);
        return (Encoding.UTF8.GetBytes(mark[(space + 1)..]), long.Parse(mark.AsSpan(0, space), CultureInfo.InvariantCulture));
    }
}

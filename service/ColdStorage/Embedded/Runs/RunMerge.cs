namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>Merges sources that are each in order; of equal keys the newest source's record counts.</summary>
internal static class RunMerge
{
    /// <param name="sources">The newest first.</param>
    public static IEnumerable<RunEntry> Merge(IReadOnlyList<IEnumerable<RunEntry>> sources)
    {
        var cursors = new List<Cursor>(sources.Count); // by current record, so that the next one to give is at the front
        try
        {
            for (var age = 0; age < sources.Count; age++)
                Advance(cursors, new Cursor(sources[age].GetEnumerator(), age));
            while (cursors.Count > 0)
            {
                var newest = cursors[0].Current;
                yield return newest;
                do
                {
                    var taken = cursors[0];
                    cursors.RemoveAt(0);
                    Advance(cursors, taken);
                }
                while (cursors.Count > 0 && Compare(cursors[0].Current, newest) == 0);
            }
        }
        finally
        {
            foreach (var cursor in cursors)
                cursor.Records.Dispose();
        }
    }

    /// <summary>Moves a cursor to its next record and puts it in its place.</summary>
    private static void Advance(List<Cursor> cursors, Cursor cursor)
    {
        if (!cursor.Records.MoveNext())
        {
            cursor.Records.Dispose();
            return;
        }
        cursor.Current = cursor.Records.Current;
        var (low, high) = (0, cursors.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (IsBefore(cursors[middle], cursor))
                low = middle + 1;
            else
                high = middle;
        }
        cursors.Insert(low, cursor);
    }

    // Of equal keys the newest source's comes first.
    private static bool IsBefore(Cursor left, Cursor right)
    {
        var order = Compare(left.Current, right.Current);
        return order != 0 ? order < 0 : left.Age < right.Age;
    }

    private static int Compare(in RunEntry left, in RunEntry right) =>
        RunFormat.Compare(left.Table, left.Record.Key.Span, right.Table, right.Record.Key.Span);

    private sealed class Cursor(IEnumerator<RunEntry> records, int age)
    {
        public RunEntry Current;

        public IEnumerator<RunEntry> Records => records;

        public int Age => age;
    }
}

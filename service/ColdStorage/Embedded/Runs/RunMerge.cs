namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>Merges sources that are each in order; of equal keys the newest source's record counts.</summary>
internal static class RunMerge
{
    /// <param name="sources">The newest first.</param>
    public static IEnumerable<RunEntry> Merge(IReadOnlyList<IEnumerable<RunEntry>> sources)
    {
        var cursors = new List<IEnumerator<RunEntry>>(sources.Count);
        try
        {
            foreach (var source in sources)
            {
                var cursor = source.GetEnumerator();
                cursors.Add(cursor);
                if (!cursor.MoveNext())
                {
                    cursor.Dispose();
                    cursors.RemoveAt(cursors.Count - 1);
                }
            }
            while (cursors.Count > 0)
            {
                var smallest = Smallest(cursors).Current;
                yield return smallest;
                Skip(cursors, smallest);
            }
        }
        finally
        {
            foreach (var cursor in cursors)
                cursor.Dispose();
        }
    }

    // There are a dozen sources at most, so looking at each is cheaper than keeping a heap.
    private static IEnumerator<RunEntry> Smallest(List<IEnumerator<RunEntry>> cursors)
    {
        var smallest = cursors[0];
        for (var index = 1; index < cursors.Count; index++)
        {
            if (Compare(cursors[index].Current, smallest.Current) < 0)
                smallest = cursors[index];
        }
        return smallest;
    }

    private static void Skip(List<IEnumerator<RunEntry>> cursors, RunEntry taken)
    {
        for (var index = cursors.Count - 1; index >= 0; index--)
        {
            if (Compare(cursors[index].Current, taken) == 0 && !cursors[index].MoveNext())
            {
                cursors[index].Dispose();
                cursors.RemoveAt(index);
            }
        }
    }

    private static int Compare(in RunEntry left, in RunEntry right) =>
        RunFormat.Compare(left.Table, left.Record.Key.Span, right.Table, right.Record.Key.Span);
}

using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog.Evaluation;

// Tables that are being read again.
internal sealed partial class TableCatalog
{
    /// <summary>From now on changes of these tables are staged, too.</summary>
    /// <remarks>
    /// A table that takes the place of another takes over the number of its rows, so that rows which are in both are the same rows to clients. What a
    /// row's key is made of may differ: rows are compared by what they are at the end.
    /// </remarks>
    public void BeginStages(IReadOnlyList<RefreshedTable> tables, RecordChanges added)
    {
        var numbers = Claim(tables);
        foreach (var table in tables) // all before any begins: of two that swapped their names each replaces the other
        {
            Release(table.Table.RelationId, numbers);
            Release(table.Replaces, numbers);
            refresh.Outdated.Remove(table.Replaces);
        }
        foreach (var (table, number) in tables.Zip(numbers))
        {
            var live = LiveLayoutOf(number);
            var isLive = !refresh.IsFrozen
                && live > 0
                && LiveNumberOf(table.Table.RelationId) == number
                && CanJoin(Layout(live), table.Table);
            refresh.Stages.Add(new TableStage(table.Table.RelationId, number, isLive) { Attempt = ++refresh.LastAttempt });
            if (!isLive && live > 0)
                NoteOutdated(table.Table.RelationId, added);
        }
        refresh.Leaving.RemoveAll(numbers.Contains);
        Rebind();
        foreach (var table in tables)
            refresh.Find(table.Table.RelationId)!.Layout = Bind(table.Table, added).Layout;
    }

    /// <summary>Chooses whose rows give way to those that have been read.</summary>
    /// <param name="read">Tables that have been read to their ends.</param>
    /// <param name="left">Tables whose rows leave without others coming.</param>
    /// <param name="refused">Tables that cannot be read: their rows stay as they are.</param>
    public void BeginSwitch(IReadOnlyList<uint> read, IReadOnlyList<uint> left, IReadOnlyList<uint> refused)
    {
        refresh.IsSwitching = true;
        refresh.Outdated.RemoveAll(relationId => read.Contains(relationId) || left.Contains(relationId) || refused.Contains(relationId));
        refresh.Read.AddRange(read);
        foreach (var stage in refresh.Stages)
        {
            if (read.Contains(stage.RelationId))
                refresh.Switching.Add(stage.Number);
        }
        foreach (var relationId in left)
        {
            refresh.Switching.Add(LiveNumberOf(relationId));
            if (refresh.Find(relationId) is { } stage)
            {
                refresh.Switching.Add(stage.Number);
                refresh.Stages.Remove(stage);
            }
            refresh.LiveNumbers[relationId] = 0;
        }
        if (read.Count > 0)
        {
            refresh.Switching.AddRange(refresh.Leaving);
            refresh.Leaving.Clear();
        }
        var wanted = refresh.Switching.Where(number => number > 0).Distinct().Order().ToList();
        refresh.Switching.Clear();
        refresh.Switching.AddRange(wanted);
        Rebind();
    }

    /// <summary>The attempt whose staged rows of a number count; 0 when none do.</summary>
    public int SwitchedAttempt(int number) =>
        refresh.Stages.Find(stage => stage.Number == number && refresh.Read.Contains(stage.RelationId))?.Attempt ?? 0;

    /// <summary>The rows that were staged are the live ones now.</summary>
    public void EndSwitch()
    {
        foreach (var stage in refresh.Stages.Where(stage => refresh.Read.Contains(stage.RelationId)).ToList())
        {
            refresh.Stages.Remove(stage);
            if (stage.Layout == 0)
                continue;
            foreach (var (table, _) in _layouts)
            {
                if (table.RelationId != stage.RelationId && LiveNumberOf(table.RelationId) == stage.Number)
                    refresh.LiveNumbers[table.RelationId] = 0;
            }
            refresh.LiveNumbers[stage.RelationId] = stage.Number;
            refresh.LiveLayouts[stage.Number] = stage.Layout;
        }
        refresh.Read.Clear();
        refresh.Switching.Clear();
        refresh.Done = [];
        refresh.IsSwitching = false;
        Rebind();
    }

    /// <summary>A change of the table is not in its live rows.</summary>
    private void NoteOutdated(uint relationId, RecordChanges added)
    {
        if (refresh.Outdated.Contains(relationId))
            return;
        refresh.Outdated.Add(relationId);
        refresh.Write(added);
    }

    /// <summary>The numbers that the tables' rows get: that of the table whose place one takes, or its own, or a new one.</summary>
    private int[] Claim(IReadOnlyList<RefreshedTable> tables)
    {
        var numbers = new int[tables.Count];
        for (var index = 0; index < numbers.Length; index++)
        {
            if (tables[index].Replaces != 0)
                TryClaim(index, CurrentNumberOf(tables[index].Replaces));
        }
        for (var index = 0; index < numbers.Length; index++)
        {
            if (numbers[index] == 0)
                TryClaim(index, CurrentNumberOf(tables[index].Table.RelationId));
        }
        var next = NextNumber();
        for (var index = 0; index < numbers.Length; index++)
        {
            if (numbers[index] == 0)
                numbers[index] = next++;
        }
        return numbers;

        void TryClaim(int index, int number)
        {
            var isFree = !numbers.Contains(number)
                && !refresh.Stages.Exists(stage => stage.Number == number
                    && !tables.Any(table => table.Table.RelationId == stage.RelationId || table.Replaces == stage.RelationId));
            if (number > 0 && isFree)
                numbers[index] = number;
        }
    }

    private int CurrentNumberOf(uint relationId) => refresh.Find(relationId)?.Number ?? LiveNumberOf(relationId);

    /// <summary>Ends what was known of a table: rows that nobody else takes over leave with the next switch.</summary>
    private void Release(uint relationId, int[] claimed)
    {
        Leave(LiveNumberOf(relationId));
        if (refresh.Find(relationId) is not { } stage)
            return;
        refresh.Stages.Remove(stage);
        Leave(stage.Number);

        void Leave(int number)
        {
            if (number > 0 && !claimed.Contains(number) && !refresh.Leaving.Contains(number))
                refresh.Leaving.Add(number);
        }
    }
}

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>Finds the fewest steps from one result to the next.</summary>
internal readonly struct ListDiff<T>(
    List<LiveRow<T>> before, Dictionary<ulong, int> placesBefore, List<LiveRow<T>> now, Dictionary<ulong, int> places)
{
    /// <summary>Steps after which showing the list anew is cheaper for a screen.</summary>
    private const int MaximumSteps = 500;

    /// <summary>Steps that are told one by one however short the list is.</summary>
    private const int MinimumSteps = 20;

    public IReadOnlyList<ListChange<T>> Changes()
    {
        if (before.Count == 0 && now.Count > MinimumSteps)
            return Reset();
        var stays = HasSamePlaces() ? null : Staying();
        if (IsTooMuch(Count(stays), before.Count))
            return Reset();

        var changes = new List<ListChange<T>>();
        if (stays is not null)
        {
            AddRemovals(changes);
            AddArrivals(changes, stays);
        }
        AddReplacements(changes);
        return changes;
    }

    /// <summary>Whether a list of this length had better be shown anew than changed in so many steps.</summary>
    public static bool IsTooMuch(int steps, int length) => steps > Math.Max(MinimumSteps, Math.Min(MaximumSteps, length / 4));

    public static IReadOnlyList<ListChange<T>> Reset() => [new ListChange<T>(ListChangeKind.Reset, 0, 0, default, default)];

    /// <summary>Whether every row is where it was, whatever is in it: the usual case, which needs no further memory.</summary>
    private bool HasSamePlaces()
    {
        if (before.Count != now.Count)
            return false;
        for (var index = 0; index < now.Count; index++)
        {
            if (before[index].Key != now[index].Key)
                return false;
        }
        return true;
    }

    private int Count(bool[]? stays)
    {
        var steps = 0;
        foreach (var row in before)
            steps += places.ContainsKey(row.Key) ? 0 : 1;
        for (var index = 0; index < now.Count; index++)
        {
            steps += stays is null || stays[index] ? 0 : 1;
            steps += Replaces(index) ? 1 : 0;
        }
        return steps;
    }

    private bool Replaces(int index) => placesBefore.TryGetValue(now[index].Key, out var place) && before[place].Hash != now[index].Hash;

    private void AddRemovals(List<ListChange<T>> changes)
    {
        for (var index = before.Count - 1; index >= 0; index--)
        {
            if (!places.ContainsKey(before[index].Key))
                changes.Add(new ListChange<T>(ListChangeKind.Removed, index, index, before[index].Value, default));
        }
    }

    private void AddArrivals(List<ListChange<T>> changes, bool[] stays)
    {
        // The list as it is between the steps, each row by its place in the new result.
        var list = new List<int>(now.Count);
        foreach (var row in before)
        {
            if (places.TryGetValue(row.Key, out var place))
                list.Add(place);
        }

        var at = 0; // everything in front of it is in its place, but for rows that still have to move away
        for (var index = 0; index < now.Count; index++)
        {
            if (stays[index])
            {
                while (list[at] != index)
                    at++;
                at++;
            }
            else if (placesBefore.TryGetValue(now[index].Key, out var place))
            {
                var from = list.IndexOf(index);
                list.RemoveAt(from);
                if (from < at)
                    at--;
                list.Insert(at, index);
                if (from != at)
                    changes.Add(new ListChange<T>(ListChangeKind.Moved, at, from, before[place].Value, default));
                at++;
            }
            else
            {
                list.Insert(at, index);
                changes.Add(new ListChange<T>(ListChangeKind.Inserted, at, at, now[index].Value, default));
                at++;
            }
        }
    }

    private void AddReplacements(List<ListChange<T>> changes)
    {
        for (var index = 0; index < now.Count; index++)
        {
            if (Replaces(index))
                changes.Add(new ListChange<T>(ListChangeKind.Replaced, index, index, now[index].Value, before[placesBefore[now[index].Key]].Value));
        }
    }

    /// <summary>Of the rows in both results, the largest set that keeps its order; all others move.</summary>
    private bool[] Staying()
    {
        var stays = new bool[now.Count];
        var ends = new List<int>();             // by length: the row that ends the best chain of that length
        var previous = new int[now.Count];
        for (var index = 0; index < now.Count; index++)
        {
            if (!placesBefore.TryGetValue(now[index].Key, out var place))
                continue;
            var length = Position(ends, place);
            previous[index] = length == 0 ? -1 : ends[length - 1];
            if (length == ends.Count)
                ends.Add(index);
            else
                ends[length] = index;
        }
        for (var index = ends.Count == 0 ? -1 : ends[^1]; index >= 0; index = previous[index])
            stays[index] = true;
        return stays;
    }

    /// <summary>Number of chains that end before a place.</summary>
    private int Position(List<int> ends, int place)
    {
        var (low, high) = (0, ends.Count);
        if (high > 0 && placesBefore[now[ends[high - 1]].Key] < place)
            return high; // the usual case: nothing moved
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (placesBefore[now[ends[middle]].Key] < place)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}

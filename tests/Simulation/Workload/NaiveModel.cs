using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>What a user shall see, worked out from the plain rows without any of the product's code.</summary>
internal static class NaiveModel
{
    /// <summary>Every visible row as one text, <c>table|id|column|column …</c>, sorted; null shows as <c>∅</c>.</summary>
    public static SortedSet<string> VisibleTo(string user, SourceState state)
    {
        var visible = new SortedSet<string>(StringComparer.Ordinal);
        var lists = new HashSet<string>(
            state.Rows("members").Values.Where(member => member[1] == user).Select(member => member[0]!), StringComparer.Ordinal);
        foreach (var notice in state.Rows("notices").Values)
            visible.Add(Describe("notices", [notice[0], notice[1]]));
        foreach (var list in state.Rows("lists").Values)
        {
            if (list[1] == user || lists.Contains(list[0]!))
                visible.Add(Describe("lists", [list[0], list[1], list[2], list[3]]));
        }
        foreach (var todo in state.Rows("todos").Values)
        {
            if (todo[1] is { } list && lists.Contains(list))
                visible.Add(Describe("todos", [todo[0], todo[1], todo[2], todo[3], todo[4] switch { "t" => "1", "f" => "0", _ => null }, todo[5]]));
        }
        return visible;
    }

    public static string Describe(string table, IEnumerable<string?> values) =>
        $"{table}|{string.Join('|', values.Select(value => value ?? "∅"))}";

    /// <summary>What differs between two sets of rows, in words.</summary>
    public static string Difference(SortedSet<string> expected, SortedSet<string> found)
    {
        var missing = expected.Except(found, StringComparer.Ordinal).Select(row => $"    missing  {row}");
        var surplus = found.Except(expected, StringComparer.Ordinal).Select(row => $"    surplus  {row}");
        return string.Join(Environment.NewLine, missing.Concat(surplus).Take(20));
    }
}

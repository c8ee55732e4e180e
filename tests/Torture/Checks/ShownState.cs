using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>Everything that a device shows, or that Postgres has, at one moment.</summary>
/// <remarks>
/// Each writer has a head, and a twin in another table and bucket, which its transactions count up together. With the head it notes how far it saw all
/// heads at that moment: what it depends on. Source writers also count up all rows of the sheet, in one transaction.
/// </remarks>
internal sealed class ShownState
{
    /// <summary>The checkpoint that a device is at; 0 where there is no such thing.</summary>
    public long Checkpoint { get; init; }

    /// <summary>Number of the last transaction of each writer.</summary>
    public SortedDictionary<string, long> Heads { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, long> Twins { get; } = new(StringComparer.Ordinal);

    /// <summary>How far each writer saw all others when it made its last transaction.</summary>
    public Dictionary<string, Dictionary<string, long>> Seen { get; } = new(StringComparer.Ordinal);

    /// <summary>Values in the sheet.</summary>
    public HashSet<long> Sheet { get; } = [];

    /// <summary>Rooms of which a user is a member.</summary>
    public HashSet<(string User, string Room)> Members { get; } = [];

    /// <summary>Rooms by item.</summary>
    public Dictionary<string, string> Items { get; } = new(StringComparer.Ordinal);

    /// <summary>All rows, as text.</summary>
    public SortedSet<string> Rows { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads rows as JSON arrays: table, id, columns.</summary>
    public static ShownState Read(IEnumerable<string> rows)
    {
        var read = rows.Select(row => (Text: row, Cells: JsonNode.Parse(row)!.AsArray())).ToList();
        var state = new ShownState { Checkpoint = read.Where(row => Text(row.Cells, 0) == "checkpoint").Select(row => Number(row.Cells, 1)).FirstOrDefault() };
        foreach (var (_, cells) in read)
            state.Add(cells);
        return state;
    }

    private void Add(JsonArray cells)
    {
        var (table, id) = (Text(cells, 0), Text(cells, 1));
        switch (table)
        {
            case "checkpoint":
                return;
            case "heads":
                Heads[id] = Number(cells, 2);
                Seen[id] = JsonSerializer.Deserialize<Dictionary<string, long>>(Text(cells, 3)) ?? [];
                break;
            case "twins":
                Twins[id] = Number(cells, 2);
                break;
            case "sheet":
                Sheet.Add(Number(cells, 2));
                break;
            case "members":
                Members.Add((Text(cells, 3), Text(cells, 2)));
                break;
            case "items":
                Items[id] = Text(cells, 2);
                break;
        }
        // What a head saw is text that Postgres writes in another way than SQLite does.
        Rows.Add(string.Join('|', (table == "heads" ? cells.Take(3) : cells).Select(cell => cell?.ToString())));
    }

    private static string Text(JsonArray cells, int index) => cells[index]?.ToString() ?? "";

    private static long Number(JsonArray cells, int index) => long.Parse(Text(cells, index), CultureInfo.InvariantCulture);
}

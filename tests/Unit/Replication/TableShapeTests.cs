using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

/// <summary>Which differences in the catalogue mean that rows may have changed without an event, and which do not.</summary>
public class TableShapeTests
{
    private static readonly TableShape Earlier = new(
        "p1:10", IsNamed: true, File: 100, ColumnCount: 3, [new(1, "id", 23, "10", HasDefault: false), new(3, "v", 23, "10", HasDefault: false)],
        new Dictionary<string, string> { ["e1"] = "sad" },
        [new(7, "low", File: 700, IsAttached: false), new(8, "high", File: 800, IsAttached: true)]);

    // What the catalogue says now, and the reason; null: rows are what they were.
    public static TheoryData<TableShape, string?> Differences() => new()
    {
        { Earlier with { Publication = "p1:11" }, "is published otherwise than before" },
        { Earlier with { Publication = null }, "is published otherwise than before" },
        { Earlier with { File = 101 }, null }, // VACUUM FULL, or TRUNCATE, which has an event
        { Earlier with { File = 101, IsNamed = false }, "has another file, and may have been unlogged" },
        { Earlier with { IsNamed = false }, null },
        { Earlier with { Columns = [Earlier.Columns[0], Earlier.Columns[1] with { Version = "11" }] }, null }, // SET NOT NULL
        { Earlier with { File = 101, Columns = [Earlier.Columns[0], Earlier.Columns[1] with { Version = "11" }] }, "was rewritten" },
        { Earlier with { File = 101, ColumnCount = 4, Columns = [.. Earlier.Columns, new(4, "w", 23, "11", HasDefault: false)] }, "was rewritten" },
        { Earlier with { ColumnCount = 4, Columns = [.. Earlier.Columns, new(4, "w", 23, "11", HasDefault: false)] }, null },
        { Earlier with { ColumnCount = 4, Columns = [.. Earlier.Columns, new(4, "w", 23, "11", HasDefault: true)] }, "got column 'w' with a value in every row" },
        { Earlier with { Columns = [.. Earlier.Columns, new(2, "g", 23, "11", HasDefault: false)] }, "has column 'g' in the stream now" },
        { Earlier with { Columns = [Earlier.Columns[0]] }, null }, // dropped
        { Earlier with { Columns = [Earlier.Columns[0], Earlier.Columns[1] with { Name = "w", Version = "11" }] }, "has column 'w' where it had 'v'" },
        { Earlier with { Columns = [Earlier.Columns[0], Earlier.Columns[1] with { TypeId = 25, Version = "11" }] }, "has another type in column 'v'" },
        { Earlier with { Names = new Dictionary<string, string> { ["e1"] = "glum" } }, "has values with 'glum' where it had 'sad'" },
        { Earlier with { Names = new Dictionary<string, string> { ["e1"] = "sad", ["e2"] = "glad" } }, null },
        { Earlier with { Names = null }, null },
        { Earlier with { Partitions = [Earlier.Partitions![0]] }, "lost partition 'high'" },
        { Earlier with { Partitions = null }, "lost partition 'low'" },
        { Earlier with { Partitions = [Earlier.Partitions[0] with { File = 701 }, Earlier.Partitions[1]] }, "had partition 'low' truncated or rewritten" },
        { Earlier with { Partitions = [.. Earlier.Partitions, new(9, "more", File: 900, IsAttached: true)] }, "had partition 'more' attached" },
        { Earlier with { Partitions = [.. Earlier.Partitions, new(9, "more", File: 900, IsAttached: false)] }, null },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void Only_differences_that_can_have_changed_rows_are_reasons(TableShape now, string? reason) =>
        Assert.Equal(reason, now.FindBreak(Earlier));

    [Fact]
    public void A_shape_survives_being_stored()
    {
        var state = new ReplicationState("slot", "system", 1, 1, SnapshotDone: true, VisibleFrom: default, [
            new TableProgress(1, "public", "items", Done: true, LastKey: null, RowCount: 1) { Shape = Earlier }]);

        var stored = ReplicationState.Parse(state.Serialize()).Tables[0].Shape!;

        Assert.Null(stored.FindBreak(Earlier));
        Assert.Null(Earlier.FindBreak(stored));
        Assert.Equal("was rewritten", (stored with { File = 101, Columns = [.. Earlier.Columns.Select(column => column with { Version = "12" })] }).FindBreak(Earlier));
    }
}

using System.Text;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class RowsByKey
{
    [Fact]
    public async Task Rows_are_found_as_they_are_now_by_every_part_of_their_key()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE TYPE shade AS ENUM ('dark', 'light');
            CREATE TABLE items (note text, b text, c shade, a numeric, PRIMARY KEY (a, b, c));
            INSERT INTO items VALUES ('one', 'it''s \ "x"', 'dark', 1.50), ('two', '', 'light', 2), ('three', 'x', 'dark', 2);
            """);
        await using var source = new NpgsqlSource(database.ConnectionString, "topgun");
        await using var session = await source.OpenSessionAsync(TestContext.Current.CancellationToken);
        var table = Assert.Single(await session.FindTablesAsync([new TablePattern("public", "items")], TestContext.Current.CancellationToken));
        var rows = new RowBuffer();

        // Keys are in the order of the table's columns: b, c, a.
        await session.ReadRowsByKeyAsync(
            table, [["it's \\ \"x\"", "dark", "1.50"], ["", "light", "2"], ["x", "light", "2"]], rows, TestContext.Current.CancellationToken);

        Assert.Equal(["one", "two"], Enumerable.Range(0, rows.RowCount).Select(index => Note(rows, index)).Order());
        await session.ReadRowsByKeyAsync(table, [], rows, TestContext.Current.CancellationToken);
        Assert.Equal(0, rows.RowCount);
    }

    private static string Note(RowBuffer rows, int index)
    {
        var row = new SourceRow();
        rows.Read(index, row);
        return Encoding.UTF8.GetString(row[0].Text.Span);
    }
}

using System.Text;
using TopGun.Buckets.SyncRules.Evaluation;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

public sealed class FragmentRowTests
{
    [Fact]
    public void Of_equal_rows_the_first_stays_where_it_is()
    {
        var rows = Rows(2, ["1", "2"], ["12", ""], ["1", "2"], ["", "12"], ["3", "4"], ["12", ""], ["3", "4"], ["5", "6"]);

        rows.RemoveRepeated();

        Assert.Equal(["1 2", "12 ", " 12", "3 4", "5 6"], Texts(rows));
    }

    [Fact]
    public void Rows_without_fragments_are_all_equal()
    {
        var rows = Rows(0, [], [], []);

        rows.RemoveRepeated();

        Assert.Equal(1, rows.Count);
    }

    [Fact]
    public void A_row_can_follow_one_that_was_removed()
    {
        var rows = Rows(1, ["a"], ["b"]);
        rows.RemoveLast();

        rows.Add()[0] = "c"u8.ToArray();

        Assert.Equal(["a", "c"], Texts(rows));
    }

    private static FragmentRows Rows(int width, params string[][] texts)
    {
        var rows = new FragmentRows(width, capacity: 1);
        foreach (var row in texts)
            Array.ConvertAll(row, text => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text)).CopyTo(rows.Add());
        return rows;
    }

    private static IEnumerable<string> Texts(FragmentRows rows) =>
        Enumerable.Range(0, rows.Count).Select(row => string.Join(' ', rows[row].ToArray().Select(fragment => Encoding.UTF8.GetString(fragment.Span))));
}

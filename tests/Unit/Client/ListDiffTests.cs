using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Queries.Live;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class ListDiffTests
{
    [Theory]
    [InlineData("abc", "abc", "")]
    [InlineData("abc", "abxc", "+x@2")]
    [InlineData("abc", "ac", "-b@1")]
    [InlineData("abc", "aBc", "=B@1")]
    [InlineData("abcde", "eabcd", "e:4>0")]
    [InlineData("abcde", "bcdea", "a:0>4")]
    [InlineData("abcde", "abdce", "c:2>3|d:3>2")]
    [InlineData("abcd", "Dbxc", "-a@0 d:2>0 +x@2 =D@0")]
    public void Steps_are_as_few_as_can_be(string before, string now, string steps) =>
        Assert.Contains(string.Join(' ', Diff(before, now).Select(Describe)), steps.Split('|'));

    [Fact]
    public void Applied_in_order_the_steps_lead_from_any_list_to_any_other()
    {
        var random = new Random(20260504);
        for (var round = 0; round < 3000; round++)
        {
            var letters = "abcdefghij".ToCharArray();
            random.Shuffle(letters);
            var before = new string(letters, 0, random.Next(11));
            random.Shuffle(letters);
            var now = new string([.. letters.Take(random.Next(11)).Select(letter => random.Next(3) == 0 ? char.ToUpperInvariant(letter) : letter)]);

            var mirror = before.ToList();
            foreach (var change in Diff(before, now))
                Mirrors.Apply(mirror, change, now.ToList());

            Assert.True(now == string.Concat(mirror), $"Round {round}: from {before} to {now}, the steps lead to {string.Concat(mirror)}.");
        }
    }

    [Fact]
    public void A_list_that_changes_in_most_places_is_shown_anew()
    {
        var before = string.Concat(Enumerable.Range(0, 100).Select(number => (char)('一' + number)));
        var reversed = string.Concat(before.Reverse());

        Assert.Equal(ListChangeKind.Reset, Assert.Single(Diff(before, reversed)).Kind);
        Assert.Equal(25, Diff(before, before[25..]).Count);
        Assert.Equal(ListChangeKind.Reset, Assert.Single(Diff(before, before[26..])).Kind);
    }

    /// <summary>A letter is a row; its case is what is in it.</summary>
    private static IReadOnlyList<ListChange<char>> Diff(string before, string now)
    {
        var (rowsBefore, placesBefore) = Rows(before);
        var (rows, places) = Rows(now);
        return new ListDiff<char>(rowsBefore, placesBefore, rows, places).Changes();
    }

    private static (List<LiveRow<char>>, Dictionary<ulong, int>) Rows(string letters)
    {
        var rows = letters.Select(letter => new LiveRow<char>(char.ToLowerInvariant(letter), letter, Order: 0, letter)).ToList();
        return (rows, rows.Select((row, place) => (row.Key, place)).ToDictionary(pair => pair.Key, pair => pair.place));
    }

    private static string Describe(ListChange<char> change) => change.Kind switch
    {
        ListChangeKind.Inserted => $"+{change.Row}@{change.Index}",
        ListChangeKind.Removed => $"-{change.Row}@{change.Index}",
        ListChangeKind.Moved => $"{change.Row}:{change.OldIndex}>{change.Index}",
        ListChangeKind.Replaced => $"={change.Row}@{change.Index}",
        _ => "reset",
    };
}

using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Grid;

/// <summary>Random changes of the parameter index, against a list of all there ever was.</summary>
public class ParameterIndexTests
{
    public static TheoryData<int, int, int> Histories => new()
    {
        { 1, 3, 4 }, { 2, 20, 2 }, { 3, 1, 1 }, { 4, 1, 600 }, { 5, 2, 2000 }, { 6, 200, 1 },
    };

    [Theory]
    [MemberData(nameof(Histories))]
    public void Every_checkpoint_that_is_in_use_sees_its_own_results(int seed, int keys, int entries)
    {
        var random = new Random(seed);
        var index = new ParameterIndex();
        var model = new List<(string Key, string Entry, OpId From, OpId To, string Record)>();
        var oldest = default(OpId);
        for (var step = 1UL; step <= 4000; step++)
        {
            var (key, entry) = ($"key{random.Next(keys)}", $"entry{random.Next(entries)}");
            // Now and then of a size that no part has room for.
            var record = random.Next(4) == 0 ? null : $"{step} {new string('x', random.Next(100) == 0 ? 9000 : random.Next(60))}";
            var known = model.FindIndex(one => one.Key == key && one.Entry == entry && one.To.Value == long.MaxValue);

            var before = index.Apply(new LookupChange(
                key, entry, new OpId(step), record is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(record)));

            Assert.Equal(known < 0 ? null : model[known].Record, before is { } ended ? Encoding.UTF8.GetString(ended.Span) : null);
            if (known >= 0)
                model[known] = model[known] with { To = new OpId(step) };
            if (record is not null)
                model.Add((key, entry, new OpId(step), new OpId(long.MaxValue), record));
            if (random.Next(50) == 0)
            {
                oldest = new OpId(oldest.Value + (ulong)random.Next((int)(step - oldest.Value) + 1));
                index.Forget(oldest);
                model.RemoveAll(one => one.To <= oldest);
            }
            if (random.Next(20) != 0)
                continue;
            var at = new OpId(oldest.Value + (ulong)random.Next((int)(step - oldest.Value) + 1));
            foreach (var asked in model.Select(one => one.Key).Distinct().Take(5).Append("no such key"))
                Check(index, model, asked, at);
        }
        index.Forget(new OpId(4000));
        Assert.Equal(model.Where(one => one.To.Value == long.MaxValue).Select(one => one.Key).Distinct().Count(), index.Count);
    }

    private static void Check(ParameterIndex index, List<(string Key, string Entry, OpId From, OpId To, string Record)> model, string key, OpId at)
    {
        var records = new List<ReadOnlyMemory<byte>>();
        index.Find(key, at, records);
        Assert.Equal(
            model.Where(one => one.Key == key && one.From <= at && at < one.To).OrderBy(one => one.Entry, StringComparer.Ordinal).Select(one => one.Record),
            records.Select(record => Encoding.UTF8.GetString(record.Span)));

        var expected = model.Where(one => one.Key == key && one.To > at && one.To.Value != long.MaxValue).Select(one => $"{one.To} - {one.Record}")
            .Concat(model.Where(one => one.Key == key && one.From > at).Select(one => $"{one.From} + {one.Record}"));
        Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            index.ChangesOf(key, at).Select(Text).Order(StringComparer.Ordinal));

        static string Text(LookupDelta delta) => delta.Removed is { } removed
            ? $"{delta.OpId} - {Encoding.UTF8.GetString(removed.Span)}"
            : $"{delta.OpId} + {Encoding.UTF8.GetString(delta.Added!.Value.Span)}";
    }
}

using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>What every cold store must do. One subclass per backend; a backend adds no tests of its own here.</summary>
public abstract class ColdStorageContract
{
    /// <summary>An opened, empty store.</summary>
    protected abstract Task<IColdStorage> OpenAsync();

    [Fact]
    public async Task An_unknown_bucket_is_empty()
    {
        await using var storage = await OpenAsync();

        Assert.Empty(await storage.ReadAsync("missing[]"));
    }

    [Fact]
    public async Task Operations_come_back_by_bucket_in_ascending_order()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "x"), ("b", "x"), ("a", "y")), Of(4, ("b", "z"), ("a", "é"))));
        await storage.WriteAsync(Write(Of(6, ("a", "w"))));

        Assert.Equal(["1 x", "3 y", "5 é", "6 w"], await storage.ReadAsync("a"));
        Assert.Equal(["2 x", "4 z"], await storage.ReadAsync("b"));
    }

    [Fact]
    public async Task A_range_excludes_its_lower_and_includes_its_upper_bound()
    {
        await using var storage = await OpenAsync();
        for (var first = 1UL; first <= 9; first += 3)
            await storage.WriteAsync(Write(Of(first, ("a", $"{first}"), ("a", $"{first + 1}"), ("a", $"{first + 2}"))));

        Assert.Equal(["3 3", "4 4", "5 5"], await storage.ReadAsync("a", after: 2, upTo: 5));
        Assert.Empty(await storage.ReadAsync("a", after: 9));
        Assert.Empty(await storage.ReadAsync("a", after: 4, upTo: 4));
        Assert.Equal(["9 9"], await storage.ReadAsync("a", after: 8, upTo: 8 + 1));
    }

    [Fact]
    public async Task Checksum_and_kind_of_an_operation_come_back()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "x"), ("a", "y"))));

        List<BucketOp> ops = [];
        await foreach (var op in storage.ReadAsync("a", OpId.None, new OpId(9), TestContext.Current.CancellationToken))
            ops.Add(op);

        Assert.Equal([(OpKind.Put, 7u), (OpKind.Put, 8u)], ops.Select(op => (op.Kind, op.Checksum)));
    }

    [Fact]
    public async Task The_last_change_of_a_record_counts()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write().Put(RecordTable.RowState, "k", "1").Put(RecordTable.RowState, "k", "2").Put(RecordTable.Meta, "k", "meta"));
        await storage.WriteAsync(Write().Put(RecordTable.RowState, "gone", "1").Delete(RecordTable.RowState, "gone").Delete(RecordTable.RowState, "never"));

        Assert.Equal("2", await storage.GetAsync(RecordTable.RowState, "k"));
        Assert.Equal("meta", await storage.GetAsync(RecordTable.Meta, "k"));
        Assert.Null(await storage.GetAsync(RecordTable.RowState, "gone"));
        Assert.Null(await storage.GetAsync(RecordTable.Lookup, "k"));
    }

    [Fact]
    public async Task A_record_with_an_empty_value_exists()
    {
        await using var storage = await OpenAsync();

        await storage.WriteAsync(Write().Put(RecordTable.Meta, "k", ""));

        Assert.Equal("", await storage.GetAsync(RecordTable.Meta, "k"));
    }

    [Fact]
    public async Task A_scan_gives_one_tables_records_with_the_prefix_in_key_order()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write()
            .Put(RecordTable.Lookup, "b2", "1").Put(RecordTable.Lookup, "a", "2").Put(RecordTable.Lookup, "b1", "3")
            .Put(RecordTable.Lookup, "b10", "4").Put(RecordTable.Lookup, "c", "5").Put(RecordTable.RowState, "b3", "6"));
        await storage.WriteAsync(Write().Delete(RecordTable.Lookup, "b2").Put(RecordTable.Lookup, "b1", "7"));

        Assert.Equal(["b1=7", "b10=4"], await storage.ScanAsync(RecordTable.Lookup, "b"));
        Assert.Equal(["b10=4"], await storage.ScanAsync(RecordTable.Lookup, "b", after: "b1"));
        Assert.Equal(["b1=7", "b10=4"], await storage.ScanAsync(RecordTable.Lookup, "b", after: "a"));
        Assert.Empty(await storage.ScanAsync(RecordTable.Lookup, "b", after: "b10"));
        Assert.Equal(["a=2", "b1=7", "b10=4", "c=5"], await storage.ScanAsync(RecordTable.Lookup));
        Assert.Empty(await storage.ScanAsync(RecordTable.Lookup, "d"));
    }

    [Fact]
    public async Task Keys_and_bucket_names_of_any_length_are_told_apart_and_sorted_by_their_bytes()
    {
        await using var storage = await OpenAsync();
        var common = new string('k', 1000);
        string[] keys = [common[1..], common, common + "a", common + "ab", common + new string('z', 5000), common + new string('z', 5001), common[..^1] + "l", "ü"];
        var write = Write(Of(1, (common + "a", "x"), (common + "b", "y")));
        foreach (var key in keys.Reverse())
            write.Put(RecordTable.Lookup, key, $"{key.Length}");
        await storage.WriteAsync(write);

        Assert.Equal(keys.Select(key => $"{key}={key.Length}"), await storage.ScanAsync(RecordTable.Lookup));
        Assert.Equal(keys[1..6].Select(key => $"{key}={key.Length}"), await storage.ScanAsync(RecordTable.Lookup, common));
        Assert.Equal(keys[2..4].Select(key => $"{key}={key.Length}"), await storage.ScanAsync(RecordTable.Lookup, common + "a"));
        Assert.Equal("6001", await storage.GetAsync(RecordTable.Lookup, keys[5]));
        await storage.WriteAsync(Write().Delete(RecordTable.Lookup, keys[4]).Put(RecordTable.Lookup, keys[5], "new"));
        Assert.Equal([$"{keys[5]}=new"], await storage.ScanAsync(RecordTable.Lookup, common + "zz"));
        Assert.Equal(["1 x"], await storage.ReadAsync(common + "a"));
        Assert.Equal(["2 y"], await storage.ReadAsync(common + "b"));
    }

    [Fact]
    public async Task A_scan_sees_the_store_as_it_was_when_it_began()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write().Put(RecordTable.Lookup, "a", "1").Put(RecordTable.Lookup, "b", "1"));
        var scan = storage.ScanAsync(RecordTable.Lookup, default, TestContext.Current.CancellationToken)
            .GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await scan.MoveNextAsync());

        await storage.WriteAsync(Write().Put(RecordTable.Lookup, "b", "2"));

        Assert.True(await scan.MoveNextAsync());
        Assert.Equal("1", System.Text.Encoding.UTF8.GetString(scan.Current.Value.Span));
        await scan.DisposeAsync();
    }

    [Fact]
    public async Task A_reset_voids_everything_but_meta_and_what_comes_with_it()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "x"))).Put(RecordTable.RowState, "k", "1").Put(RecordTable.Meta, "m", "1"));
        var write = Write(Of(5, ("b", "y"))).Put(RecordTable.Lookup, "l", "1").Put(RecordTable.Meta, "n", "2");
        write.Reset = true;

        await storage.WriteAsync(write);

        Assert.Empty(await storage.ReadAsync("a"));
        Assert.Equal(["5 y"], await storage.ReadAsync("b"));
        Assert.Null(await storage.GetAsync(RecordTable.RowState, "k"));
        Assert.Equal(["l=1"], await storage.ScanAsync(RecordTable.Lookup));
        Assert.Equal(["m=1", "n=2"], await storage.ScanAsync(RecordTable.Meta));
    }

    [Fact]
    public async Task A_rewrite_takes_the_place_of_a_range_and_of_nothing_else()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"))));
        await storage.WriteAsync(Write(Of(5, ("a", "5"), ("a", "6"), ("b", "7"))));

        await storage.WriteAsync(Write().Rewrite("a", after: 1, upTo: 5, (3, OpKind.Move, "moved"), (5, OpKind.Put, "five")));

        Assert.Equal(["1 1", "3 moved", "5 five", "6 6"], await storage.ReadAsync("a"));
        Assert.Equal(["3 moved"], await storage.ReadAsync("a", after: 1, upTo: 4));
        Assert.Equal(["5 five", "6 6"], await storage.ReadAsync("a", after: 3));
        Assert.Equal(["2 2", "7 7"], await storage.ReadAsync("b"));
    }

    [Fact]
    public async Task A_bucket_whose_start_was_rewritten_goes_on_growing()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "1"), ("a", "2"), ("a", "3"))));

        await storage.WriteAsync(Write(Of(4, ("a", "4"))).Rewrite("a", after: 0, upTo: 2, (2, OpKind.Clear, "clear")));
        await storage.WriteAsync(Write(Of(5, ("a", "5"))).Rewrite("a", after: 0, upTo: 4, (4, OpKind.Clear, "clear")));

        Assert.Equal(["4 clear", "5 5"], await storage.ReadAsync("a"));
        await foreach (var op in storage.ReadAsync("a", OpId.None, new OpId(4), TestContext.Current.CancellationToken))
            Assert.Equal((OpKind.Clear, 4u), (op.Kind, op.Checksum));
    }

    [Fact]
    public async Task A_bucket_that_is_replaced_by_nothing_is_gone()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "1"), ("b", "2"))).Put(RecordTable.Bucket, "a", "x"));

        await storage.WriteAsync(Write(Of(3, ("a", "3"))).Rewrite("a", 0, 3).Rewrite("never", 0, 3).Delete(RecordTable.Bucket, "a"));

        Assert.Empty(await storage.ReadAsync("a"));
        Assert.Null(await storage.GetAsync(RecordTable.Bucket, "a"));
        Assert.Equal(["2 2"], await storage.ReadAsync("b"));
    }

    [Fact]
    public async Task A_read_that_began_before_a_rewrite_sees_nothing_of_it()
    {
        await using var storage = await OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "1"))));
        await storage.WriteAsync(Write(Of(2, ("a", "2"))));
        var read = storage.ReadAsync("a", OpId.None, new OpId(9), TestContext.Current.CancellationToken)
            .GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await read.MoveNextAsync());

        await storage.WriteAsync(Write().Rewrite("a", 0, 2, (2, OpKind.Clear, "clear")));

        Assert.True(await read.MoveNextAsync());
        Assert.Equal((new OpId(2), OpKind.Put), (read.Current.OpId, read.Current.Kind));
        Assert.False(await read.MoveNextAsync());
        await read.DisposeAsync();
    }

    [Fact]
    public async Task What_was_written_does_not_change_with_the_buffers_it_came_in()
    {
        await using var storage = await OpenAsync();
        var write = Write(Of(1, ("a", "x"))).Put(RecordTable.Meta, "k", "1");
        await storage.WriteAsync(write);

        write.Clear();
        write.Put(RecordTable.Meta, "k", "2");

        Assert.Equal("1", await storage.GetAsync(RecordTable.Meta, "k"));
        Assert.Equal(["1 x"], await storage.ReadAsync("a"));
    }

    [Fact]
    public async Task Large_and_many_operations_of_one_bucket_come_back_whole()
    {
        await using var storage = await OpenAsync();
        var large = new string('x', 3 << 20);
        (string, string)[] ops = [.. Enumerable.Range(0, 5000).Select(index => ($"b{index % 7}", $"row {index}")), ("b0", large)];

        await storage.WriteAsync(Write(Of(1, ops)));

        var read = await storage.ReadAsync("b0");
        Assert.Equal(716, read.Length);
        Assert.Equal($"5001 {large}", read[^1]);
        Assert.Equal(ops.Where(op => op.Item1 == "b3").Select(op => op.Item2), (await storage.ReadAsync("b3")).Select(op => op[(op.IndexOf(' ') + 1)..]));
    }
}

using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class CheckpointApplierTests : IAsyncDisposable
{
    private const string Milk = """{"id":"t1","title":"Milk","done":0}""";
    private const string Eggs = """{"id":"t2","title":"Eggs","done":1}""";
    private const string OatMilk = """{"id":"t1","title":"Oat milk","done":0}""";
    private const uint Sum = 3557253125;

    private static readonly string Put1 = Lines.Put(1, "todos", "t1", Milk, 2498553064);
    private static readonly string Put2 = Lines.Put(2, "todos", "t2", Eggs, 3634975962);
    private static readonly string Put3 = Lines.Put(3, "todos", "t1", OatMilk, 2322130979);
    private static readonly string Remove4 = Lines.Remove(4, "todos", "t2", 3691527712);

    private readonly ScratchFolder _folder = new();
    private ApplierBench? _bench;

    public static TheoryData<string[]> Compactions => new(
        [Put1, Put2, Put3, Remove4],
        [Lines.Move(1, 2498553064), Lines.Move(2, 3634975962), Put3, Remove4],
        [Lines.Clear(2, 1838561730), Put3, Remove4]);

    [Theory]
    [MemberData(nameof(Compactions))]
    public async Task Every_form_of_a_log_ends_in_the_same_rows_and_sums(string[] ops)
    {
        foreach (var bulk in (BulkLimits?[])[ApplierBench.Bulk, null])
        {
            using var folder = new ScratchFolder();
            await using var bench = await ApplierBench.OpenAsync(folder.Database, bulk: bulk);
            await ApplyVectorAsync(bench, ops);
        }
    }

    private static async Task ApplyVectorAsync(ApplierBench bench, string[] ops)
    {
        var result = await bench.ApplyAsync(Lines.Checkpoint(4, null, ("b", Sum, 3)), Lines.Data("b", ops), Lines.Complete(4));

        Assert.Empty(result.Mismatched);
        Assert.Equal("2322130979 1235122146", await bench.SumsAsync("b"));
        Assert.Equal("t1=Oat milk", await bench.RowsAsync());
        Assert.Contains("tg_data__todos", result.Changed.Tables);
    }

    [Fact]
    public async Task Nothing_is_visible_before_the_complete_line()
    {
        var bench = await OpenAsync();

        var result = await bench.ApplyAsync(Lines.Checkpoint(4, null, ("b", Sum, 3)), Lines.Data("b", Put1, Put2, Put3, Remove4));

        Assert.Empty(result.Changed.Tables);
        Assert.Equal("", await bench.RowsAsync());
        Assert.Equal("b@4", await bench.ConnectAsync());
    }

    [Fact]
    public async Task An_operation_received_twice_counts_once()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(4, null, ("b", Sum, 3)), Lines.Data("b", Put1, Put2));

        var result = await bench.ApplyAsync(Lines.Data("b", Put1, Put2, Put3), Lines.Data("b", Put3, Remove4), Lines.Complete(4));

        Assert.Empty(result.Mismatched);
        Assert.Equal("t1=Oat milk", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_wrong_sum_drops_exactly_that_bucket_and_shows_nothing_of_the_checkpoint()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("good", 1, 3), ("bad", 2, 3)), Lines.Data("good", Lines.Put(1, "todos", "g", "{\"title\":\"old\"}", 1)),
            Lines.Data("bad", Lines.Put(2, "todos", "b", "{\"title\":\"old\"}", 2)), Lines.Complete(2));

        var result = await bench.ApplyAsync(
            Lines.Diff(4, null, [("good", 5, 3), ("bad", 99, 3)]),
            Lines.Data("good", Lines.Put(3, "todos", "g", "{\"title\":\"new\"}", 4)), Lines.Data("bad", Lines.Put(4, "todos", "b", "{\"title\":\"new\"}", 4)),
            Lines.Complete(4));

        Assert.Equal(["bad"], result.Mismatched);
        Assert.Equal(1, result.MismatchRepeats);
        Assert.Equal("b=old g=old", await bench.RowsAsync());
        Assert.Equal("good@3", await bench.ConnectAsync());

        var again = await bench.ApplyAsync(
            Lines.Checkpoint(4, null, ("good", 5, 3), ("bad", 4, 3)), Lines.Data("bad", Lines.Put(4, "todos", "b", "{\"title\":\"new\"}", 4)), Lines.Complete(4));

        Assert.Empty(again.Mismatched);
        Assert.Equal("b=new g=new", await bench.RowsAsync());
    }

    [Fact]
    public async Task Repeated_mismatches_of_a_bucket_are_counted_until_it_agrees()
    {
        var bench = await OpenAsync();
        for (var round = 1; round <= 3; round++)
        {
            await bench.ConnectAsync();
            var result = await bench.ApplyAsync(Lines.Checkpoint(1, null, ("b", 9, 3)), Lines.Data("b", Lines.Put(1, "todos", "t", "{}", 1)), Lines.Complete(1));
            Assert.Equal(round, result.MismatchRepeats);
        }
    }

    [Fact]
    public async Task Rows_of_a_bucket_that_is_no_longer_listed_leave_with_the_checkpoint()
    {
        var bench = await OpenAsync();
        await FilledAsync(bench);
        await bench.ConnectAsync();

        await bench.ApplyAsync(Lines.Checkpoint(5, null, ("b", 2, 3)));
        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
        await bench.ApplyAsync(Lines.Complete(5));

        Assert.Equal("t2=b", await bench.RowsAsync());
        Assert.Equal("1", await bench.TextAsync("SELECT count(*) FROM tg_op"));
    }

    [Fact]
    public async Task A_row_stays_while_another_bucket_holds_it_and_the_newest_operation_decides()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("a", 1, 3), ("b", 2, 3)),
            Lines.Data("b", Lines.Put(2, "todos", "t", "{\"title\":\"newest\"}", 2)), Lines.Data("a", Lines.Put(1, "todos", "t", "{\"title\":\"older\"}", 1)),
            Lines.Complete(2));
        Assert.Equal("t=newest", await bench.RowsAsync());

        await bench.ApplyAsync(Lines.Diff(3, null, [("b", 5, 3)]), Lines.Data("b", Lines.Remove(3, "todos", "t", 3)), Lines.Complete(3));
        Assert.Equal("t=older", await bench.RowsAsync());

        await bench.ApplyAsync(Lines.Diff(4, null, [], "a"), Lines.Complete(4));
        Assert.Equal("", await bench.RowsAsync());
    }

    [Fact]
    public async Task Subkeys_keep_source_rows_apart()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("a", 3, 3)),
            Lines.Data("a", Lines.Put(1, "todos", "t", "{\"title\":\"one\"}", 1, "k1"), Lines.Put(2, "todos", "t", "{\"title\":\"two\"}", 2, "k2")), Lines.Complete(2));

        await bench.ApplyAsync(Lines.Diff(3, null, [("a", 6, 3)]), Lines.Data("a", Lines.Remove(3, "todos", "t", 3, "k2")), Lines.Complete(3));

        Assert.Equal("t=one", await bench.RowsAsync());
        Assert.Equal("1 5", await bench.SumsAsync("a"));
    }

    [Fact]
    public async Task A_clear_after_publishing_removes_what_does_not_come_again()
    {
        var bench = await OpenAsync();
        await FilledAsync(bench);

        await bench.ApplyAsync(
            Lines.Diff(6, null, [("a", 15, 3)]), Lines.Data("a", Lines.Clear(5, 10), Lines.Put(6, "todos", "t3", "{\"title\":\"c\"}", 5)), Lines.Complete(6));

        Assert.Equal("t2=b t3=c", await bench.RowsAsync());
        Assert.Equal("5 10", await bench.SumsAsync("a"));
    }

    [Fact]
    public async Task A_partial_checkpoint_shows_its_priorities_and_the_full_one_the_rest()
    {
        var bench = await OpenAsync();

        var partial = await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("fast", 1, 1), ("slow", 2, 3)), Lines.Data("fast", Lines.Put(1, "todos", "f", "{}", 1)), Lines.Partial(2, 1));
        Assert.Equal("f=", await bench.RowsAsync());
        Assert.Equal(1, partial.Published);

        await bench.ApplyAsync(Lines.Data("slow", Lines.Put(2, "todos", "s", "{}", 2)));
        Assert.Equal("f=", await bench.RowsAsync());
        await bench.ApplyAsync(Lines.Complete(2));
        Assert.Equal("f= s=", await bench.RowsAsync());
    }

    [Fact]
    public async Task Types_outside_the_schema_are_kept_for_a_later_one()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Lines.Put(1, "notes", "n", "{\"x\":1}", 1)), Lines.Complete(1));
        Assert.Equal("n{\"x\":1}", await bench.TextAsync("SELECT id || data FROM tg_untyped"));

        await bench.ApplyAsync(Lines.Diff(2, null, [("a", 3, 3)]), Lines.Data("a", Lines.Remove(2, "notes", "n", 2)), Lines.Complete(2));

        Assert.Equal("0", await bench.TextAsync("SELECT count(*) FROM tg_untyped"));
    }

    [Fact]
    public async Task A_line_out_of_order_undoes_its_whole_batch()
    {
        var bench = await OpenAsync();

        var failure = await Assert.ThrowsAsync<BucketsException>(() => bench.ApplyAsync(Lines.Diff(1, null, [])));
        Assert.Equal("TGB6011", failure.Code);
        await Assert.ThrowsAsync<BucketsException>(() => bench.ApplyAsync(
            Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Lines.Put(1, "todos", "t", "{}", 1)), "{\"data\":"));

        Assert.Equal("", await bench.ConnectAsync());
        Assert.Equal("0", await bench.TextAsync("SELECT count(*) FROM tg_op"));
    }

    [Fact]
    public async Task Progress_counts_the_running_checkpoint_only()
    {
        var bench = await OpenAsync();
        Assert.Null(bench.Applier.Progress);

        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 3, 3), ("b", 0, 3)), Lines.Data("a", Lines.Put(1, "todos", "t", "{}", 1)));
        Assert.Equal(0.5, bench.Applier.Progress!.Fraction);

        await bench.ApplyAsync(Lines.Data("a", Lines.Put(2, "todos", "u", "{}", 2)), Lines.Complete(2));
        Assert.Null(bench.Applier.Progress);
    }

    [Fact]
    public async Task A_subkey_that_is_the_id_is_not_taken_for_none()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("a", 3, 3)),
            Lines.Data("a", Lines.Put(1, "todos", "t", "{\"title\":\"one\"}", 1, "t"), Lines.Put(2, "todos", "t", "{\"title\":\"two\"}", 2, "")), Lines.Complete(2));

        await bench.ApplyAsync(Lines.Diff(3, null, [("a", 6, 3)]), Lines.Data("a", Lines.Remove(3, "todos", "t", 3, "")), Lines.Complete(3));
        Assert.Equal("t=one", await bench.RowsAsync());

        await bench.ApplyAsync(Lines.Diff(4, null, [("a", 10, 3)]), Lines.Data("a", Lines.Remove(4, "todos", "t", 4, "t")), Lines.Complete(4));
        Assert.Equal("", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_priority_does_not_bring_back_an_older_copy_of_a_row_that_is_shown()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(5, null, ("late", 5, 3)), Lines.Data("late", Lines.Put(5, "todos", "t", "{\"title\":\"newest\"}", 5)), Lines.Complete(5));

        await bench.ApplyAsync(
            Lines.Diff(6, null, [("early", 2, 1)]), Lines.Data("early", Lines.Put(2, "todos", "t", "{\"title\":\"older\"}", 2)), Lines.Partial(6, 1));
        Assert.Equal("t=newest", await bench.RowsAsync());

        await bench.ApplyAsync(Lines.Complete(6));
        Assert.Equal("t=newest", await bench.RowsAsync());
    }

    [Fact]
    public async Task Random_logs_end_in_what_a_plain_model_says()
    {
        foreach (var seed in Seeds.Of(30))
        {
            using var folder = new ScratchFolder();
            await using var bench = await ApplierBench.OpenAsync(folder.Database, Todos.SchemaOf(seed), seed % 2 == 0 ? ApplierBench.Bulk : null);
            await new RandomLog(seed).RunAsync(bench);
        }
    }

    private async Task<ApplierBench> OpenAsync() => _bench = await ApplierBench.OpenAsync(_folder.Database);

    private static async Task FilledAsync(ApplierBench bench) => await bench.ApplyAsync(
        Lines.Checkpoint(2, null, ("a", 1, 3), ("b", 2, 3)),
        Lines.Data("a", Lines.Put(1, "todos", "t1", "{\"title\":\"a\"}", 1)), Lines.Data("b", Lines.Put(2, "todos", "t2", "{\"title\":\"b\"}", 2)),
        Lines.Complete(2));

    public async ValueTask DisposeAsync()
    {
        if (_bench is not null)
            await _bench.DisposeAsync();
        _folder.Dispose();
    }
}

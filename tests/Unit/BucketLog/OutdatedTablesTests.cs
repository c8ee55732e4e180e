using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Tables whose live rows cannot take in a change, because it tells rows apart in another way: until they are read, nothing new is visible.</summary>
public class OutdatedTablesTests
{
    private static readonly SourceTable Rekeyed = Todos with
    {
        Columns = [.. Todos.Columns.Select((column, index) => column with { IsKey = index < 2 })],
    };

    private static readonly SourceTable Widened = Todos with { Columns = [.. Todos.Columns, new SourceColumn("extra", 25, -1, IsKey: false)] };

    private static readonly SourceTable Retyped = Todos with
    {
        Columns = [.. Todos.Columns.Select((column, index) => index == 0 ? column with { TypeId = 20 } : column)],
    };

    private static readonly SourceTable Renamed = Todos with { Name = "events" };

    [Fact]
    public async Task A_column_more_outdates_nothing()
    {
        await using var fixture = await FilledAsync();

        await fixture.CommitAsync(20, Insert(Widened, "2", "a", "bread", null, "x"));

        Assert.Equal(new Lsn(20), fixture.Seen.Visible!.Position);
    }

    public static TheoryData<string> OtherKeys => ["rekeyed", "retyped", "renamed"];

    [Theory]
    [MemberData(nameof(OtherKeys))]
    public async Task A_change_under_another_key_or_name_is_not_shown_and_neither_is_any_after_it(string what)
    {
        await using var fixture = await FilledAsync();

        await fixture.CommitAsync(20, Update(Table(what), "1", "a", "under the other key", null));
        await fixture.CommitAsync(30, Insert(Lists, "l", "ann"));

        Assert.Equal(new Lsn(10), fixture.Seen.Visible!.Position);
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Table(what), Replaces: 0)]));
        await fixture.CommitAsync(40, Update(Table(what), "1", "a", "newest", null));
        Assert.Equal(new Lsn(10), fixture.Seen.Visible!.Position);

        await fixture.AppendAsync(new RefreshRows(State(done: true), Table(what), Rows(Table(what), ["1", "a", "under the other key", null])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Equal(new Lsn(40), fixture.Seen.Visible!.Position);
        Assert.Contains(fixture.Seen.Lines, line => line.Contains("newest", StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_a_restart_it_is_still_not_shown()
    {
        var storage = new NullColdStorage();
        await using (var first = await FilledAsync(storage))
        {
            await first.CommitAsync(20, Update(Rekeyed, "1", "a", "under the other key", null));
            await first.FlushAsync();
        }

        await using var second = await OpenAsync(storage);
        Assert.Null(second.Seen.Visible);
        await second.CommitAsync(30, Insert(Lists, "l", "ann"));
        Assert.Null(second.Seen.Visible);
        await second.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Rekeyed, Replaces: 0)]));
        await second.AppendAsync(new RefreshRows(State(done: true), Rekeyed, Rows(Rekeyed, ["1", "a", "under the other key", null])));
        await second.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Equal(new Lsn(30), second.Seen.Visible!.Position);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_table_that_leaves_or_cannot_be_read_holds_nobody_up(bool leaves)
    {
        await using var fixture = await FilledAsync();
        await fixture.CommitAsync(20, Update(Rekeyed, "1", "a", "under the other key", null));
        Assert.Equal(new Lsn(10), fixture.Seen.Visible!.Position);

        await fixture.AppendAsync(leaves
            ? new RefreshEnded(State(done: true), [], [Todos.RelationId])
            : new RefreshEnded(State(done: true), [], []) { Refused = [Todos.RelationId] });
        await fixture.CommitAsync(30, Insert(Lists, "l", "ann"));

        Assert.Equal(new Lsn(30), fixture.Seen.Visible!.Position);
        await fixture.FlushAsync();
        Assert.Equal(leaves ? ["Put", "Remove"] : ["Put"], (await fixture.StoredAsync("1#all[]")).Select(op => op.Split(' ')[1]));
    }

    private static SourceTable Table(string what) => what switch
    {
        "rekeyed" => Rekeyed,
        "retyped" => Retyped,
        _ => Renamed,
    };

    private static async Task<LogFixture> FilledAsync(IColdStorage? storage = null)
    {
        var fixture = await OpenFollowingAsync(storage ?? new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));
        return fixture;
    }
}

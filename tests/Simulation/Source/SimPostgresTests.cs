using System.Text;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Workload;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation.Source;

public sealed class SimPostgresTests
{
    private const string Long = "a note that is long enough to live out of line, elsewhere";

    [Fact]
    public void Transactions_arrive_in_commit_order_though_their_changes_interleave() => Run(async source =>
    {
        var link = await StartAsync(source);
        var first = source.Begin();
        first.Insert(TodoApp.Notices, SimRow.Of("a", "1"));
        var second = source.Begin();
        second.Insert(TodoApp.Notices, SimRow.Of("b", "2"));
        second.Commit();
        first.Insert(TodoApp.Notices, SimRow.Of("c", "3"));
        first.Commit();

        var messages = await ReadAsync(link, commits: 2);

        Assert.Equal("B R I C B I I C", Kinds(messages));
        Assert.True(messages[5].Start < messages[3].Start, "the change came earlier in the log than the commit delivered before it");
    });

    [Fact]
    public void What_was_not_acknowledged_comes_again_whole_after_a_reconnect() => Run(async source =>
    {
        var link = await StartAsync(source);
        Commit(source, transaction => transaction.Insert(TodoApp.Notices, SimRow.Of("a", "1")));
        var acknowledged = source.LastCommit;
        Commit(source, transaction => transaction.Insert(TodoApp.Notices, SimRow.Of("b", "2")));
        await ReadAsync(link, commits: 2);
        await link.SendStatusAsync(acknowledged, CancellationToken.None);
        source.CutConnections();

        var again = await source.OpenReplicationAsync(CancellationToken.None);
        await again.StartAsync("slot", "topgun", CancellationToken.None);
        var messages = await ReadAsync(again, commits: 1);

        Assert.Equal("B R I C", Kinds(messages));
        Assert.Equal(source.LastCommit, messages[^1].Start);
    });

    [Fact]
    public void An_update_leaves_out_long_values_it_did_not_touch_and_names_the_old_key_only_when_it_changed() => Run(async source =>
    {
        var link = await StartAsync(source);
        Commit(source, transaction => transaction.Insert(TodoApp.Todos, SimRow.Of("t", "l", "title", Long, "f", "1")));
        Commit(source, transaction => transaction.Update(TodoApp.Todos, "t", row => row.With(2, "other")));
        Commit(source, transaction => transaction.Update(TodoApp.Todos, "t", row => row.With(0, "u")));

        var messages = await ReadAsync(link, commits: 3);

        Assert.Equal("B R I C B U C B U C", Kinds(messages));
        Assert.Contains(Long, Encoding.UTF8.GetString(messages[2].Data.Span));
        Assert.DoesNotContain(Long, Encoding.UTF8.GetString(messages[5].Data.Span));
        Assert.Equal((byte)'N', messages[5].Data.Span[5]);
        Assert.Equal((byte)'K', messages[8].Data.Span[5]);
    });

    [Fact]
    public void A_row_that_another_transaction_holds_cannot_be_changed() => Run(source =>
    {
        Commit(source, transaction => transaction.Insert(TodoApp.Notices, SimRow.Of("a", "1")));
        var first = source.Begin();
        first.Delete(TodoApp.Notices, "a");
        var second = source.Begin();

        Assert.Throws<SimConflictException>(() => second.Delete(TodoApp.Notices, "a"));
        return Task.CompletedTask;
    });

    private static void Commit(SimPostgres source, Action<SimTransaction> changes)
    {
        var transaction = source.Begin();
        changes(transaction);
        transaction.Commit();
    }

    private static async Task<IReplicationLink> StartAsync(SimPostgres source)
    {
        await using var session = await source.OpenSessionAsync(CancellationToken.None);
        await session.EnsurePublicationAsync(
            "topgun", [.. TodoApp.Tables.Select(table => new SyncRules.TablePattern("public", table.Name))], CancellationToken.None);
        var link = await source.OpenReplicationAsync(CancellationToken.None);
        await link.CreateSlotAsync("slot", CancellationToken.None);
        await link.StartAsync("slot", "topgun", CancellationToken.None);
        return link;
    }

    private static async Task<List<WalMessage>> ReadAsync(IReplicationLink link, int commits)
    {
        var messages = new List<WalMessage>();
        while (commits > 0)
        {
            var message = await link.ReadAsync(CancellationToken.None);
            if (message.IsKeepalive)
                continue;
            messages.Add(message with { Data = message.Data.ToArray() });
            if (message.Data.Span[0] == (byte)'C')
                commits--;
        }
        return messages;
    }

    private static string Kinds(List<WalMessage> messages) =>
        string.Join(' ', messages.Select(message => (char)message.Data.Span[0]));

    private static void Run(Func<SimPostgres, Task> body)
    {
        var loop = new SimLoop(11);
        var source = new SimPostgres(
            loop, TodoApp.Tables, new SimSourceLatency(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(5)));

        loop.Run(() => body(source), limit: TimeSpan.FromMinutes(1), stepLimit: 100_000);

        Assert.True(loop.Failure is null, loop.Failure?.Message);
    }
}

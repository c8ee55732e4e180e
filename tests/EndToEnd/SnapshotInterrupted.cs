using System.Globalization;
using System.Text.RegularExpressions;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>SIGKILL in the middle of the first snapshot: the next process goes on where the store is, and no client ever sees a part of a table.</summary>
public partial class SnapshotInterrupted
{
    private const int Todos = 150_000;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Killed_in_the_middle_it_goes_on_and_shows_nothing_before_the_end()
    {
        await using var demo = await DemoService.CreateAsync();
        await demo.Database.ExecuteAsync(
            $"""
             INSERT INTO lists (id, owner_id, name) VALUES ('f0000000-0000-4000-8000-000000000001', 'nobody', 'long');
             INSERT INTO todos (id, list_id, title, created_by)
             SELECT gen_random_uuid(), 'f0000000-0000-4000-8000-000000000001', repeat('todo ', 20) || n, 'load' FROM generate_series(1, {Todos}) n;
             INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'the last', 'ann');
             """);
        demo.Process.Launch();
        var client = demo.Connect("ann");
        var blocks = await demo.Database.ReadAsync<long>("SELECT pg_relation_size('todos') / 8192");

        await UntilReadingAsync(demo.Database, block: blocks / 2);
        await demo.Process.KillAsync();
        await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'the very last' WHERE title = 'the last'");
        await demo.Process.StartAsync();

        var view = await client.WaitForAsync("todos", "title", "the very last");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Empty(client.Violations);
        var before = Assert.Single(GoesOn().Matches(demo.Process.Log));
        Assert.InRange(int.Parse(before.Groups[1].Value, CultureInfo.InvariantCulture), 1000, Todos);
        Assert.Equal(1L, await demo.Database.ReadAsync<long>("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"));
    }

    /// <summary>Waits until the service asks for the blocks of a table from one on.</summary>
    private static async Task UntilReadingAsync(PostgresDatabase database, long block)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        while (await database.ReadAsync<long?>(
            """
             SELECT max(substring(query FROM 'ctid >= ''[(]([0-9]+),0')::bigint) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE 'COPY%"todos"%'
             """) is not { } reading || reading < block)
        {
            deadline.Token.ThrowIfCancellationRequested();
        }
    }

    [GeneratedRegex("goes on after ([0-9]+) rows")]
    private static partial Regex GoesOn();
}

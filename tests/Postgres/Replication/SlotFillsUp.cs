using System.Globalization;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>The slot holds back WAL because we, or somebody's transaction, do not let it move on.</summary>
public class SlotFillsUp
{
    private static readonly Dictionary<string, string> SmallWal = new()
    {
        ["max_slot_wal_keep_size"] = "96MB",
        ["max_wal_size"] = "48MB",
        ["min_wal_size"] = "32MB",
    };

    [Fact]
    public async Task Warnings_come_at_half_and_at_four_fifths_with_the_time_that_is_left()
    {
        await using var cluster = await StartAsync(SmallWal);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, Watched(), prepare: one => one.Acknowledges = false);
        await follower.UntilAsync(() => follower.IsVisible && follower.Monitor.Current.Slot is not null);

        await FillAsync(database, follower, used: 0.5);
        await follower.UntilAsync(() => Warnings(follower).Count == 1);
        await FillAsync(database, follower, used: 0.8);
        await follower.UntilAsync(() => Warnings(follower).Count == 2);

        Assert.All(Warnings(follower), warning =>
        {
            Assert.Contains($"Slot {follower.State!.Slot} holds back ", warning, StringComparison.Ordinal);
            Assert.Contains("at the present pace the rest lasts", warning, StringComparison.Ordinal);
            Assert.Contains("let it catch up", warning, StringComparison.Ordinal);
        });
        var doctor = Assert.Single(await CheckAsync(follower.Source), finding => finding.Code == "TGB1102");
        Assert.Contains("is read by process", doctor.Sentence, StringComparison.Ordinal);
        Assert.Contains("everything has to be read again", doctor.Sentence, StringComparison.Ordinal);

        // What is acknowledged is let go, and the next time it fills up is told again.
        follower.Acknowledges = true;
        await FillAsync(database, follower, used: -1, until: status => status.Slot!.Used < 0.5);
        Assert.Equal(2, Warnings(follower).Count);
    }

    [Fact]
    public async Task A_transaction_that_does_not_end_is_named_as_what_holds_the_slot_back()
    {
        await using var cluster = await StartAsync(new(SmallWal) { ["max_prepared_transactions"] = "5" });
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, Watched());
        await follower.CatchUpAsync(database, "lists");
        await using var forgotten = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using (var begin = new Npgsql.NpgsqlCommand("SET application_name = 'nightly'; BEGIN; INSERT INTO lists VALUES (1)", forgotten))
            await begin.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await database.ExecuteAsync("BEGIN; INSERT INTO lists VALUES (2); PREPARE TRANSACTION 'left behind'");

        await FillAsync(database, follower, used: 0.5);

        await follower.UntilAsync(() => Warnings(follower).Count > 0);
        var warning = Warnings(follower)[0];
        Assert.Contains("Transactions that do not end hold it back", warning, StringComparison.Ordinal);
        Assert.Contains("(postgres, nightly)", warning, StringComparison.Ordinal);
        Assert.Contains($"SELECT pg_terminate_backend({forgotten.ProcessID});", warning, StringComparison.Ordinal);
        Assert.Contains("ROLLBACK PREPARED 'left behind';", warning, StringComparison.Ordinal);
        await database.ExecuteAsync("ROLLBACK PREPARED 'left behind'");
    }

    [Fact]
    public async Task A_slot_that_reaches_our_limit_is_dropped_even_while_the_store_takes_nothing()
    {
        await using var cluster = await StartAsync([]);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        using var room = new ManualResetEventSlim(initialState: true);
        await using var follower = Follower.Start(
            database,
            Watched() with { SlotWalLimitBytes = 64 << 20 },
            prepare: one => one.Before = change =>
            {
                if (change is TransactionCommitted)
                    room.Wait(TestContext.Current.CancellationToken);
            });
        await follower.CatchUpAsync(database, "lists");
        room.Reset();
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await FillAsync(
            database, follower, used: -1, until: _ => database.ReadAsync<long>($"SELECT count(*) FROM pg_replication_slots").Result == 0);
        await database.ExecuteAsync("DELETE FROM lists WHERE id = 1; INSERT INTO lists VALUES (3)");
        room.Set();

        await follower.UntilAsync(() => follower.State!.Epoch == 2);
        await follower.CatchUpAsync(database, "lists");
        Assert.Contains(follower.Written, line => line.StartsWith("Error: Slot", StringComparison.Ordinal) && line.Contains("is given up", StringComparison.Ordinal));
        Assert.Contains(follower.Log, line => line.StartsWith("continuity lost", StringComparison.Ordinal) && line.Contains("was given up at its limit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_slot_that_is_invalidated_while_it_is_followed_is_replaced()
    {
        await using var cluster = await StartAsync(new(SmallWal) { ["max_slot_wal_keep_size"] = "32MB" });
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var follower = Follower.Start(database, Watched(), prepare: one => one.Acknowledges = false);
        await follower.UntilAsync(() => follower.IsVisible);

        await FillAsync(database, follower, used: -1, until: _ => follower.State!.Epoch >= 2);
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        follower.Acknowledges = true;
        await follower.CatchUpAsync(database, "lists");
        Assert.Contains(follower.Log, line => line.StartsWith("continuity lost: replication slot", StringComparison.Ordinal)
            && line.Contains("was invalidated: it held back more WAL than max_slot_wal_keep_size", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_doctor_explains_each_state_of_the_slot_with_its_remedy()
    {
        await using var cluster = await StartAsync(new(SmallWal) { ["max_prepared_transactions"] = "5" });
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var source = new NpgsqlSource(database.ConnectionString, "topgun");
        var slot = $"topgun_{database.Name}";
        await AssertFindingAsync(source, FindingSeverity.Ok, $"Slot '{slot}' does not exist yet", remedy: null);

        await database.ExecuteAsync("BEGIN; INSERT INTO lists VALUES (1); PREPARE TRANSACTION 'early'");
        await AssertFindingAsync(source, FindingSeverity.Warning, "would wait for transactions", "ROLLBACK PREPARED 'early';");
        await database.ExecuteAsync("COMMIT PREPARED 'early'");

        await database.ExecuteAsync($"SELECT pg_create_logical_replication_slot('{slot}', 'test_decoding')");
        await AssertFindingAsync(source, FindingSeverity.Warning, "is one of plugin 'test_decoding'", "Rename");
        await database.ExecuteAsync($"SELECT pg_drop_replication_slot('{slot}'); SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')");
        await AssertFindingAsync(source, FindingSeverity.Ok, "is read by nobody at the moment and holds back", remedy: null);

        for (var segment = 0; segment < 5; segment++)
            await database.ExecuteAsync("CREATE TABLE IF NOT EXISTS noise (); SELECT pg_switch_wal(); ALTER TABLE lists SET (fillfactor = 90)");
        await AssertFindingAsync(source, FindingSeverity.Warning, "is read by nobody at the moment and holds back", "Start the service.");

        for (var segment = 0; segment < 8; segment++)
            await database.ExecuteAsync("SELECT pg_switch_wal(); ALTER TABLE lists SET (fillfactor = 91); CHECKPOINT");
        await AssertFindingAsync(source, FindingSeverity.Warning, "was invalidated: it held back more WAL than max_slot_wal_keep_size", "Raise max_slot_wal_keep_size");

        await database.ExecuteAsync($"SELECT pg_drop_replication_slot('{slot}')");
        await database.ExecuteAsync("ALTER SYSTEM SET max_slot_wal_keep_size = -1");
        await database.ExecuteAsync("SELECT pg_reload_conf()");
        await AssertFindingAsync(source, FindingSeverity.Warning, "max_slot_wal_keep_size is -1", "ALTER SYSTEM SET max_slot_wal_keep_size");
    }

    [Theory]
    [InlineData(16, null)]
    [InlineData(17, "may be kept by standbys")]
    [InlineData(18, "may be kept by standbys")]
    public async Task The_doctor_says_whether_standbys_keep_the_slot(int version, string? sentence)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        var findings = await CheckAsync(follower.Source);

        if (sentence is null)
            Assert.DoesNotContain(findings, finding => finding.Sentence.Contains("standbys", StringComparison.Ordinal));
        else
            Assert.Contains(findings, finding => finding.Sentence.Contains(sentence, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_slot_that_nobody_read_for_too_long_is_replaced_and_the_reason_said()
    {
        await using var database = await PostgresDatabase.CreateAsync(version: 18);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await database.ExecuteAsync("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'");
        await database.ExecuteAsync("SELECT pg_reload_conf()");
        try
        {
            using var deadline = new CancellationTokenSource(Patience.Limit);
            while (await database.ReadAsync<string>($"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{first.State!.Slot}'") != "lost")
            {
                await database.ExecuteAsync("CHECKPOINT"); // which is when the server looks
                await Task.Delay(100, deadline.Token);
            }
        }
        finally
        {
            await database.ExecuteAsync("ALTER SYSTEM RESET idle_replication_slot_timeout");
            await database.ExecuteAsync("SELECT pg_reload_conf()");
        }
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.State!.Epoch == 2);
        await second.CatchUpAsync(database, "lists");
        Assert.Contains(second.Log, line => line.Contains("nobody read it for idle_replication_slot_timeout", StringComparison.Ordinal));
    }

    private static Task<PostgresCluster> StartAsync(Dictionary<string, string> settings) =>
        PostgresCluster.StartAsync(new PostgresClusterOptions { Settings = settings }, TestContext.Current.CancellationToken);

    private static ChangeSourceOptions Watched() =>
        Follower.OptionsFor("lists") with { PublicationWatchInterval = TimeSpan.FromMilliseconds(500) };

    /// <summary>Writes segment after segment of WAL, each once the last has been looked at, until so much of the budget is used.</summary>
    private static async Task FillAsync(
        PostgresDatabase database, Follower follower, double used, Func<ReplicationStatus, bool>? until = null)
    {
        until ??= status => status.Slot?.Used >= used;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience.Limit);
        for (var segment = 0; !until(follower.Monitor.Current); segment++)
        {
            var before = follower.Monitor.Current.Slot;
            await database.ExecuteAsync(string.Create(
                CultureInfo.InvariantCulture, $"SELECT pg_switch_wal(); ALTER DATABASE {database.Name} SET geqo_threshold = {12 + segment}; CHECKPOINT"));
            while (ReferenceEquals(before, follower.Monitor.Current.Slot) && follower.Failure is null && !until(follower.Monitor.Current))
                await Task.Delay(20, deadline.Token); // the next look at the slot
        }
    }

    private static List<string> Warnings(Follower follower) =>
        [.. follower.Written.Where(line => line.StartsWith("Warning: Slot", StringComparison.Ordinal))];

    private static async Task AssertFindingAsync(ISource source, FindingSeverity severity, string sentence, string? remedy)
    {
        var finding = Assert.Single(await CheckAsync(source), one => one.Sentence.Contains(sentence, StringComparison.Ordinal));
        Assert.Equal(severity, finding.Severity);
        if (remedy is null)
            Assert.Null(finding.Remedy);
        else
            Assert.Contains(remedy, finding.Remedy, StringComparison.Ordinal);
    }

    private static Task<IReadOnlyList<DoctorFinding>> CheckAsync(ISource source) =>
        SourceDoctor.CheckAsync(source, "topgun", [new TablePattern("public", "lists")], cancellationToken: TestContext.Current.CancellationToken);
}

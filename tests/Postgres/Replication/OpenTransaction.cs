using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>A transaction of the application, step by step, on a server whose commits can be made to wait for a standby that never comes.</summary>
internal sealed class OpenTransaction : IAsyncDisposable
{
    private const string AskedAt =
        "SELECT max(query_start)::text FROM pg_stat_activity WHERE query LIKE 'SELECT transactionid::text FROM pg_locks%' AND pid <> pg_backend_pid()";

    private readonly NpgsqlConnection _connection;
    private string _id = "";

    private OpenTransaction(NpgsqlConnection connection) => _connection = connection;

    /// <summary>Whether somebody waits for it to end.</summary>
    public string IsWaitedFor => $"SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted AND transactionid = '{_id}'";

    /// <summary>Whether its commit is in the log and waits for the standby, so that others do not see it.</summary>
    public string WaitsForStandby => $"SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = {_connection.ProcessID}";

    /// <summary>From now on only those commits on the server wait for the standby that say so.</summary>
    public static async Task WaitForNoStandbyAsync(PostgresCluster cluster)
    {
        await using var server = NpgsqlDataSource.Create(cluster.ConnectionString() + ";Pooling=false;Options=-c synchronous_commit=off");
        await using var setting = server.CreateCommand("ALTER ROLE postgres SET synchronous_commit = off");
        await setting.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Begins one.</summary>
    /// <param name="database">Where.</param>
    /// <param name="statements">What it does first.</param>
    /// <param name="takesId">Whether it is given a number, as with its first change, so that others can wait for it.</param>
    public static async Task<OpenTransaction> BeginAsync(PostgresDatabase database, string statements, bool takesId = true)
    {
        var transaction = new OpenTransaction(await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken));
        await transaction.RunAsync($"BEGIN; {statements}");
        if (takesId)
        {
            await using var command = new NpgsqlCommand("SELECT pg_current_xact_id()::text", transaction._connection);
            transaction._id = (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        }
        return transaction;
    }

    public async Task RunAsync(string statement)
    {
        await using var command = new NpgsqlCommand(statement, _connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Ends the wait for the standby: others see the commit.</summary>
    public Task ShowAsync(PostgresDatabase database) => database.ExecuteAsync($"SELECT pg_cancel_backend({_connection.ProcessID})");

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>Waits until a session of ours asks again and again which transactions the server does not show yet, or it is over.</summary>
    public static async Task UntilWaitedForAsync(PostgresDatabase database, Func<bool> isOver)
    {
        string? first = null;
        await UntilAsync(async () =>
        {
            var askedAt = await database.ReadAsync<string>(AskedAt);
            first ??= askedAt;
            return isOver() || askedAt != first;
        });
    }

    /// <summary>Waits until a query says yes.</summary>
    public static Task UntilAsync(PostgresDatabase database, string isSo) => UntilAsync(() => database.ReadAsync<bool>(isSo));

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience.Limit);
        while (!await isSo())
            await Task.Delay(50, deadline.Token); // the server is another process
    }
}

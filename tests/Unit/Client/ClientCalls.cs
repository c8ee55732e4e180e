using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Short forms of what tests do to a client, under the running test's cancellation.</summary>
internal static class ClientCalls
{
    public static CancellationToken Now => TestContext.Current.CancellationToken;

    public static Task<int> RunAsync(this BucketsClient client, string sql, params object?[] parameters) =>
        client.ExecuteAsync(sql, parameters, Now);

    public static Task<int> RunAsync(this WriteTransaction transaction, string sql, params object?[] parameters) =>
        transaction.ExecuteAsync(sql, parameters, Now);

    public static Task TransactAsync(this BucketsClient client, Func<WriteTransaction, Task> work) => client.WriteTransactionAsync(work, Now);

    public static Task<IReadOnlyList<string>> TextsAsync(this BucketsClient client, string sql, params object?[] parameters) =>
        client.QueryAsync<string>(sql, parameters, Now);

    /// <summary>Waits, with a deadline, until the status meets a condition.</summary>
    public static Task<SyncStatus> UntilAsync(this BucketsClient client, Func<SyncStatus, bool> condition) =>
        client.WaitForStatusAsync(condition, Now).WaitAsync(Patience.Limit, Now);

    public static Task SyncedAsync(this BucketsClient client) => client.UntilAsync(status => status.HasSynced);
}

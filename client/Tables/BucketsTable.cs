using TopGun.Buckets.Client.Tables;

namespace TopGun.Buckets.Client;

/// <summary>A table as records: what <see cref="BucketsClient.Table{T}"/> returns.</summary>
/// <typeparam name="T">A record with a <see cref="SyncedTableAttribute"/>.</typeparam>
public readonly struct BucketsTable<T>
    where T : class, ITableRow<T>
{
    private readonly BucketsClient _client;

    internal BucketsTable(BucketsClient client) => _client = client;

    /// <summary>Reads rows.</summary>
    /// <param name="rest">What follows <c>SELECT … FROM table</c>, for example <c>WHERE list_id = ? ORDER BY title</c>; all rows when absent.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<IReadOnlyList<T>> QueryAsync(string? rest = null, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        _client.QueryAsync(TableSql<T>.SelectWhere(rest), T.Read, parameters, cancellationToken);

    /// <summary>The row of an id, or null.</summary>
    public async Task<T?> FindAsync(string id, CancellationToken cancellationToken = default) =>
        await QueryAsync("WHERE id = ?", [id], cancellationToken) is [var row, ..] ? row : default;

    /// <summary>Reads rows now and whenever they have changed; see <see cref="BucketsClient.Watch{T}(string, IReadOnlyList{object?}?, CancellationToken)"/>.</summary>
    public IAsyncEnumerable<IReadOnlyList<T>> Watch(string? rest = null, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        _client.Watch(TableSql<T>.SelectWhere(rest), T.Read, parameters, cancellationToken);

    /// <summary>Rows as a list to bind a screen to; see <see cref="LiveList{T}"/>.</summary>
    public LiveList<T> Live(string? rest = null, IReadOnlyList<object?>? parameters = null) =>
        _client.Live(TableSql<T>.SelectWhere(rest), T.Read, parameters);

    /// <summary>Inserts a row.</summary>
    /// <exception cref="LocalStoreException">The id is taken.</exception>
    public Task InsertAsync(T row, CancellationToken cancellationToken = default) =>
        _client.WriteTransactionAsync(transaction => transaction.InsertAsync(row, cancellationToken), cancellationToken);

    /// <summary>Writes a row's values; what differs is uploaded.</summary>
    /// <returns>False when there is no row of that id.</returns>
    public Task<bool> UpdateAsync(T row, CancellationToken cancellationToken = default) =>
        _client.WriteTransactionAsync(transaction => transaction.UpdateAsync(row, cancellationToken), cancellationToken);

    /// <summary>Updates the row, or inserts it where there is none.</summary>
    public Task UpsertAsync(T row, CancellationToken cancellationToken = default) =>
        _client.WriteTransactionAsync(transaction => transaction.UpsertAsync(row, cancellationToken), cancellationToken);

    /// <summary>Deletes the row of an id.</summary>
    /// <returns>False when there is none.</returns>
    public Task<bool> DeleteAsync(string id, CancellationToken cancellationToken = default) =>
        _client.WriteTransactionAsync(transaction => transaction.DeleteAsync<T>(id, cancellationToken), cancellationToken);
}

/// <summary>Tables as records, inside a write transaction.</summary>
public static class TypedWrites
{
    /// <summary>Inserts a row.</summary>
    /// <exception cref="LocalStoreException">The id is taken.</exception>
    public static Task InsertAsync<T>(this WriteTransaction transaction, T row, CancellationToken cancellationToken = default)
        where T : class, ITableRow<T> => transaction.ExecuteAsync(TableSql<T>.Insert, [row.Id, .. row.Values()], cancellationToken);

    /// <summary>Writes a row's values; what differs is uploaded.</summary>
    /// <returns>False when there is no row of that id.</returns>
    public static async Task<bool> UpdateAsync<T>(this WriteTransaction transaction, T row, CancellationToken cancellationToken = default)
        where T : class, ITableRow<T>
    {
        // The number of rows written is 0 when nothing differs, so it cannot tell whether the row is there.
        if (await transaction.FindAsync<T>(row.Id, cancellationToken) is null)
            return false;
        if (TableSql<T>.Update is { } update)
            await transaction.ExecuteAsync(update, [.. row.Values(), row.Id], cancellationToken);
        return true;
    }

    /// <summary>Updates the row, or inserts it where there is none.</summary>
    public static async Task UpsertAsync<T>(this WriteTransaction transaction, T row, CancellationToken cancellationToken = default)
        where T : class, ITableRow<T>
    {
        if (!await transaction.UpdateAsync(row, cancellationToken))
            await transaction.InsertAsync(row, cancellationToken);
    }

    /// <summary>Deletes the row of an id.</summary>
    /// <returns>False when there is none.</returns>
    public static async Task<bool> DeleteAsync<T>(this WriteTransaction transaction, string id, CancellationToken cancellationToken = default)
        where T : class, ITableRow<T> => await transaction.ExecuteAsync(TableSql<T>.Delete, [id], cancellationToken) > 0;

    /// <summary>The row of an id, or null, as the transaction has left it so far.</summary>
    public static async Task<T?> FindAsync<T>(this WriteTransaction transaction, string id, CancellationToken cancellationToken = default)
        where T : class, ITableRow<T> =>
        await transaction.QueryAsync(TableSql<T>.Select + " WHERE id = ?", T.Read, [id], cancellationToken) is [var row, ..] ? row : default;
}

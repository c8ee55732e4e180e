using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client;

/// <summary>A query whose rows are records: what <see cref="BucketsClient.Rows{T}"/> returns.</summary>
/// <typeparam name="T">A record with a <see cref="QueryRowAttribute"/>.</typeparam>
public readonly struct BucketsQuery<T>
    where T : IQueryRow<T>
{
    private readonly BucketsClient _client;
    private readonly string _sql;
    private readonly IReadOnlyList<object?>? _parameters;

    internal BucketsQuery(BucketsClient client, string sql, IReadOnlyList<object?>? parameters)
    {
        _client = client;
        _sql = sql;
        _parameters = parameters;
    }

    /// <summary>Reads the rows.</summary>
    /// <exception cref="Protocol.BucketsException">A column is missing (TGB6050).</exception>
    public Task<IReadOnlyList<T>> QueryAsync(CancellationToken cancellationToken = default) =>
        _client.QueryRowsAsync<T>(_sql, Reading, _parameters, cancellationToken);

    /// <summary>Reads them now and whenever they have changed; see <see cref="BucketsClient.Watch{T}(string, IReadOnlyList{object?}?, CancellationToken)"/>.</summary>
    public IAsyncEnumerable<IReadOnlyList<T>> Watch(CancellationToken cancellationToken = default) =>
        _client.WatchRows<T>(_sql, Reading, _parameters, cancellationToken);

    /// <summary>As a list to bind a screen to; see <see cref="LiveList{T}"/>.</summary>
    public LiveList<T> Live() => _client.LiveRows<T>(_sql, Reading, _parameters);

    private static Func<Statement, T> Reading(Statement statement)
    {
        var places = new int[T.Columns.Count];
        for (var index = 0; index < places.Length; index++)
        {
            places[index] = statement.ColumnIndex(T.Columns[index]) is >= 0 and var place
                ? place
                : throw ClientErrors.CannotMap(typeof(T), $"the query has no column '{T.Columns[index]}'");
        }
        return row => T.Read(new RowReader(row), places);
    }
}

namespace TopGun.Buckets.Client;

/// <content>Tables as records.</content>
public sealed partial class BucketsClient
{
    /// <summary>A table as records.</summary>
    /// <typeparam name="T">A record with a <see cref="SyncedTableAttribute"/>, whose <see cref="ITableRow{TSelf}.Table"/> is in the schema.</typeparam>
    public BucketsTable<T> Table<T>()
        where T : class, ITableRow<T> => new(this);

    /// <summary>A query whose rows are records, read without reflection: by their names, from any SQL.</summary>
    /// <typeparam name="T">A record with a <see cref="QueryRowAttribute"/>.</typeparam>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    public BucketsQuery<T> Rows<T>(string sql, IReadOnlyList<object?>? parameters = null)
        where T : IQueryRow<T> => new(this, sql, parameters);
}

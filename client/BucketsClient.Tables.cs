namespace TopGun.Buckets.Client;

/// <content>Tables as records.</content>
public sealed partial class BucketsClient
{
    /// <summary>A table as records.</summary>
    /// <typeparam name="T">A record with a <see cref="SyncedTableAttribute"/>, whose <see cref="ITableRow{TSelf}.Table"/> is in the schema.</typeparam>
    public BucketsTable<T> Table<T>()
        where T : class, ITableRow<T> => new(this);
}

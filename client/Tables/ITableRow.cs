namespace TopGun.Buckets.Client;

/// <summary>A row of a table with the code that reads and writes it; written by the source generator for <see cref="SyncedTableAttribute"/>.</summary>
public interface ITableRow<TSelf>
    where TSelf : ITableRow<TSelf>
{
    /// <summary>The table's declaration, for the schema.</summary>
    static abstract LocalTable Table { get; }

    /// <summary>Row id.</summary>
    string Id { get; }

    /// <summary>Reads a row whose columns are <c>id</c> and then those of <see cref="Table"/>, in order.</summary>
    static abstract TSelf Read(RowReader row);

    /// <summary>The values of the columns of <see cref="Table"/>, in order, without the id.</summary>
    object?[] Values();
}

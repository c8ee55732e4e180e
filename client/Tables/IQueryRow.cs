namespace TopGun.Buckets.Client;

/// <summary>
/// Makes a record a row of a query's result: each parameter of its constructor is a column, named as for <see cref="SyncedTableAttribute"/>. A source
/// generator writes the code that reads it (<see cref="IQueryRow{TSelf}"/>), so nothing is looked up at run time.
/// </summary>
/// <remarks>
/// <code>
/// [QueryRow]
/// public sealed partial record ListCount(string ListId, long Open);
///
/// client.Rows&lt;ListCount&gt;("SELECT list_id, count(*) AS open FROM todos WHERE done = 0 GROUP BY list_id").Watch()
/// </code>
/// </remarks>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class QueryRowAttribute : Attribute;

/// <summary>A row of a query's result with the code that reads it; written by the source generator for <see cref="QueryRowAttribute"/>.</summary>
public interface IQueryRow<TSelf>
    where TSelf : IQueryRow<TSelf>
{
    /// <summary>The columns that it needs; a result may have more, in any order.</summary>
    static abstract IReadOnlyList<string> Columns { get; }

    /// <summary>Reads a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="places">Where in it the columns are, in the order of <see cref="Columns"/>.</param>
    static abstract TSelf Read(RowReader row, ReadOnlySpan<int> places);
}

using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>One source of rows of a query: a table together with the <c>json_each</c> calls over its columns, or such a call over the request.</summary>
internal sealed class SourceGroup(int id)
{
    /// <summary>What <see cref="Bound.Source"/> says of expressions over it.</summary>
    public int Id => id;

    /// <summary>The table; null for rows of the request.</summary>
    public TableSyntax? Table { get; init; }

    public TableMatch? Match { get; init; }

    /// <summary>Of the query that names the table.</summary>
    public QueryReport? Report { get; init; }

    /// <summary>The call over the request; null for a table.</summary>
    public EachSource? RequestRows { get; init; }

    /// <summary>Calls over the table's columns so far. Alternatives that never meet may count from the same number, which makes equal ones look equal.</summary>
    public int EachCount { get; set; }

    public ColumnSlots Columns { get; } = new();

    public bool IsTable => Table is not null;

    /// <summary>Adds a call over the table's columns.</summary>
    public EachSource AddEach(Expressions.Expression input, bool isMembership) => new(input, isMembership, EachCount++);
}

namespace TopGun.Buckets.SyncRules;

/// <summary>A table of the source as rows arrive from it: immutable, replaced when its definition changes.</summary>
/// <param name="RelationId">Postgres' oid of the table; survives renames.</param>
/// <param name="Schema">Schema name as stored, such as <c>public</c>.</param>
/// <param name="Name">Table name as stored.</param>
/// <param name="Columns">Columns in the order in which values arrive.</param>
/// <param name="Identity">Which old values the source sends.</param>
public sealed record SourceTable(
    uint RelationId, string Schema, string Name, IReadOnlyList<SourceColumn> Columns, ReplicaIdentity Identity)
{
    /// <summary>Position of the column of that name, or −1.</summary>
    public int IndexOf(string column)
    {
        for (var index = 0; index < Columns.Count; index++)
        {
            if (Columns[index].Name == column)
                return index;
        }
        return -1;
    }
}

/// <summary>One column of a source table.</summary>
/// <param name="Name">Name as stored.</param>
/// <param name="TypeId">Postgres' oid of the type.</param>
/// <param name="TypeModifier">Postgres' <c>atttypmod</c>, or −1.</param>
/// <param name="IsKey">Whether the column is part of the row's key: its replica identity, or its primary key where the identity is full.</param>
public sealed record SourceColumn(string Name, uint TypeId, int TypeModifier, bool IsKey)
{
    /// <summary>How the type is built when it is not built into Postgres; without it such values stay text as Postgres prints them.</summary>
    public SourceType? Type { get; init; }
}

/// <summary>Postgres' replica identity of a table.</summary>
public enum ReplicaIdentity
{
    /// <summary>The primary key.</summary>
    Default,

    /// <summary>No old values: rows can only be inserted.</summary>
    Nothing,

    /// <summary>All columns.</summary>
    Full,

    /// <summary>The columns of a unique index.</summary>
    Index,
}

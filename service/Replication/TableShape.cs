using System.Text.Json.Serialization;

namespace TopGun.Buckets.Replication;

/// <summary>What the catalogue says of a table and the stream does not: by it, changes of rows that bring no events are noticed.</summary>
/// <param name="Publication">Which catalogue rows publish the table, with the transactions that wrote them: whoever thins the publication writes one of them anew.</param>
/// <param name="IsNamed">Whether the publication names the table itself, and not just all or its schema's: then the server does not let it become unlogged.</param>
/// <param name="File">The file of its rows; a rewrite gives it another, and so do TRUNCATE and VACUUM FULL.</param>
/// <param name="ColumnCount">Columns it has had so far, dropped ones included.</param>
/// <param name="Columns">The columns that the stream may bring.</param>
/// <param name="Names">Labels of enums and names of the attributes of composites, by what identifies them: they are part of its values.</param>
/// <param name="Partitions">The partitions whose rows come under the table's name.</param>
public sealed record TableShape(
    [property: JsonPropertyName("p")] string? Publication,
    [property: JsonPropertyName("x")] bool IsNamed,
    [property: JsonPropertyName("f")] uint File,
    [property: JsonPropertyName("n")] int ColumnCount,
    [property: JsonPropertyName("c")] IReadOnlyList<ShapeColumn> Columns,
    [property: JsonPropertyName("l")] IReadOnlyDictionary<string, string>? Names,
    [property: JsonPropertyName("t")] IReadOnlyList<ShapePartition>? Partitions)
{
    /// <summary>Why rows may have changed without an event since the table had an earlier shape, in a clause; null when none can have.</summary>
    internal string? FindBreak(TableShape earlier)
    {
        if (Publication != earlier.Publication)
            return "is published otherwise than before";
        return FindColumnBreak(earlier) ?? FindFileBreak(earlier) ?? FindNameBreak(earlier) ?? FindPartitionBreak(earlier);
    }

    private string? FindColumnBreak(TableShape earlier)
    {
        var isTouched = false;
        foreach (var column in Columns)
        {
            if (earlier.Columns.FirstOrDefault(one => one.Number == column.Number) is not { } before)
            {
                if (column.HasDefault)
                    return $"got column '{column.Name}' with a value in every row";
                if (column.Number <= earlier.ColumnCount)
                    return $"has column '{column.Name}' in the stream now";
                isTouched = true;
                continue;
            }
            if (column.Name != before.Name)
                return $"has column '{column.Name}' where it had '{before.Name}'";
            if (column.TypeId != before.TypeId)
                return $"has another type in column '{column.Name}'";
            isTouched |= column.Version != before.Version;
        }
        // One alone says little: VACUUM FULL gives another file, and SET NOT NULL touches a column.
        return isTouched && File != earlier.File ? "was rewritten" : null;
    }

    /// <summary>A table that was unlogged for a while, and is logged again, shows nothing of it but another file.</summary>
    private string? FindFileBreak(TableShape earlier) => !IsNamed && File != earlier.File ? "has another file, and may have been unlogged" : null;

    private string? FindNameBreak(TableShape earlier)
    {
        foreach (var (key, name) in Names ?? new Dictionary<string, string>())
        {
            if (earlier.Names?.GetValueOrDefault(key) is { } before && before != name)
                return $"has values with '{name}' where it had '{before}'";
        }
        return null;
    }

    private string? FindPartitionBreak(TableShape earlier)
    {
        var before = earlier.Partitions ?? [];
        var now = Partitions ?? [];
        if (now.FirstOrDefault(one => one.IsAttached && !before.Any(known => known.Id == one.Id)) is { } attached)
            return $"had partition '{attached.Name}' attached";
        foreach (var known in before)
        {
            if (now.FirstOrDefault(one => one.Id == known.Id) is not { } partition)
                return $"lost partition '{known.Name}'";
            if (partition.File != known.File)
                return $"had partition '{partition.Name}' truncated or rewritten";
        }
        return null;
    }
}

/// <summary>A column as the catalogue has it.</summary>
/// <param name="Number">Its number, which stays the same for its life.</param>
/// <param name="Name">Its name.</param>
/// <param name="TypeId">Oid of its type.</param>
/// <param name="Version">The transaction that wrote the catalogue's row of it.</param>
/// <param name="HasDefault">Whether rows from before it was added have a value in it all the same.</param>
public sealed record ShapeColumn(
    [property: JsonPropertyName("n")] int Number,
    [property: JsonPropertyName("a")] string Name,
    [property: JsonPropertyName("t")] uint TypeId,
    [property: JsonPropertyName("v")] string Version,
    [property: JsonPropertyName("m")] bool HasDefault);

/// <summary>A partition that holds rows.</summary>
/// <param name="Id">Its oid.</param>
/// <param name="Name">Its name.</param>
/// <param name="File">The file of its rows.</param>
/// <param name="IsAttached">Whether it was a table before, and may have had rows.</param>
public sealed record ShapePartition(
    [property: JsonPropertyName("i")] uint Id,
    [property: JsonPropertyName("a")] string Name,
    [property: JsonPropertyName("f")] uint File,
    [property: JsonPropertyName("j")] bool IsAttached);

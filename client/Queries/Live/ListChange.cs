namespace TopGun.Buckets.Client;

/// <summary>What one step does to a list.</summary>
public enum ListChangeKind
{
    /// <summary>The list is replaced as a whole: the first result, or one that differs in too much to tell it row by row.</summary>
    Reset,

    /// <summary>A row is put in.</summary>
    Inserted,

    /// <summary>A row is taken out.</summary>
    Removed,

    /// <summary>A row goes to another place: it is taken out, then put in.</summary>
    Moved,

    /// <summary>A row stays in its place with other values.</summary>
    Replaced,
}

/// <summary>One step from a list of rows to the next. Steps apply in order, each to what the one before it left.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Index">Place of the row afterwards; for a removal, before.</param>
/// <param name="OldIndex">Of a move, the place before; otherwise the same as <paramref name="Index"/>.</param>
/// <param name="Row">The row; of a removal, the one that left.</param>
/// <param name="OldRow">Of a replacement, the row as it was.</param>
public readonly record struct ListChange<T>(ListChangeKind Kind, int Index, int OldIndex, T? Row, T? OldRow);

/// <summary>A result of a live query, and how it came from the one before.</summary>
/// <param name="Rows">All rows, in order. Rows that did not change are the same objects as before.</param>
/// <param name="Changes">The steps from the result before; a single <see cref="ListChangeKind.Reset"/> for the first.</param>
public sealed record LiveResult<T>(IReadOnlyList<T> Rows, IReadOnlyList<ListChange<T>> Changes);

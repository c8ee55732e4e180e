namespace TopGun.Buckets.SyncRules;

/// <summary>How a type of the source is built, for types that are not built into Postgres. Needed only where the rules expand such types.</summary>
/// <param name="Kind">What it is made of.</param>
/// <param name="TypeId">Postgres' oid.</param>
/// <param name="Members">A composite's attributes in order; otherwise the one type it is made of, or none.</param>
public sealed record SourceType(SourceTypeKind Kind, uint TypeId, IReadOnlyList<SourceTypeMember> Members)
{
    /// <summary>Postgres' <c>typdelim</c> of the elements of an array.</summary>
    public char Delimiter { get; init; } = ',';

    /// <summary>Whether it is built in the same way, to the last part.</summary>
    public bool Equals(SourceType? other) => other is not null
        && Kind == other.Kind && TypeId == other.TypeId && Delimiter == other.Delimiter && Members.SequenceEqual(other.Members);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, TypeId, Delimiter, Members.Count);
}

/// <summary>A part of a type.</summary>
/// <param name="Name">Attribute name of a composite; empty otherwise.</param>
/// <param name="Type">Its type.</param>
public sealed record SourceTypeMember(string Name, SourceType Type);

/// <summary>Kinds of types, after Postgres' <c>typtype</c>.</summary>
public enum SourceTypeKind
{
    /// <summary>Built in, an enum, or of an extension: read by its oid, unknown ones as text.</summary>
    Base,

    /// <summary>Another type with constraints.</summary>
    Domain,

    /// <summary>A row of attributes.</summary>
    Composite,

    /// <summary>A range of another type.</summary>
    Range,

    /// <summary>A list of ranges; its member is the range.</summary>
    Multirange,

    /// <summary>An array of another type.</summary>
    Array,
}

namespace TopGun.Buckets.SyncRules;

/// <summary>The buckets of one request, kept up to date with work in proportion to what changes in its lookups.</summary>
public abstract class FollowedBuckets
{
    /// <summary>Goes on to another checkpoint.</summary>
    /// <param name="changes">What changed in the watched lookups since the checkpoint before, in any order; those of other lookups are ignored.</param>
    /// <param name="read">Reads the live records of a lookup key at the new checkpoint.</param>
    /// <returns>
    /// What changed; null when only a whole resolution can tell, because a limit is near or the request does not allow an answer. This object is of no use then.
    /// </returns>
    public abstract FollowedChange? Advance(IReadOnlyList<RecordChange> changes, Func<string, IReadOnlyList<ReadOnlyMemory<byte>>> read);
}

/// <summary>One change of the parameter index: a record that came, one that went, or both.</summary>
/// <param name="LookupKey">Under which key.</param>
/// <param name="Removed">What was there before, if anything.</param>
/// <param name="Added">What is there now, if anything.</param>
public readonly record struct RecordChange(string LookupKey, ReadOnlyMemory<byte>? Removed, ReadOnlyMemory<byte>? Added);

/// <summary>How the buckets of a request changed.</summary>
/// <param name="Buckets">Those that are new or may have other reasons or another priority; ordered by name.</param>
/// <param name="Gone">Names of those that the request may no longer have; ordered. Some it may never have had.</param>
/// <param name="Watched">Lookup keys that it reads now.</param>
/// <param name="Unwatched">Lookup keys that it reads no more.</param>
public sealed record FollowedChange(
    IReadOnlyList<ResolvedBucket> Buckets, IReadOnlyList<string> Gone, IReadOnlyList<string> Watched, IReadOnlyList<string> Unwatched);

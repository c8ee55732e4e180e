namespace TopGun.Buckets.Protocol;

/// <summary>What one operation does to a bucket.</summary>
public enum OpKind : byte
{
    /// <summary>The row's data is now this.</summary>
    Put = 1,

    /// <summary>The row left the bucket.</summary>
    Remove = 2,

    /// <summary>Placeholder of an operation that a later one made redundant.</summary>
    Move = 3,

    /// <summary>Forget everything before this operation; its checksum stands for all of it.</summary>
    Clear = 4,
}

/// <summary>One entry of a bucket's log, in the form in which it is stored, kept in RAM and sent.</summary>
/// <param name="OpId">Position in the log of all buckets.</param>
/// <param name="Kind">What it does.</param>
/// <param name="Checksum">Its share of the bucket's 32-bit checksum; never changes for a stored operation.</param>
/// <param name="Fragment">
/// UTF-8 text of the operation's JSON object after its op id, from <c>"op":"PUT"</c> up to and with the closing brace; see
/// <see cref="OpFragment"/>. Buckets that hold the same row version share the bytes.
/// </param>
public readonly record struct BucketOp(OpId OpId, OpKind Kind, uint Checksum, ReadOnlyMemory<byte> Fragment);

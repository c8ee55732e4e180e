using System.Runtime.Intrinsics;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>A short text that is written again and again, padded so that it is copied in whole vectors instead of by a call.</summary>
internal readonly struct PaddedText
{
    private readonly byte[] _padded;

    public PaddedText(ReadOnlySpan<byte> text)
    {
        Length = text.Length;
        Room = (text.Length + Vector128<byte>.Count - 1) / Vector128<byte>.Count * Vector128<byte>.Count;
        _padded = new byte[Room];
        text.CopyTo(_padded);
    }

    public int Length { get; }

    /// <summary>How much room a copy needs.</summary>
    public int Room { get; }

    /// <summary>Copies the text, and zeros behind it.</summary>
    public void CopyTo(Span<byte> target)
    {
        for (var index = 0; index < Room; index += Vector128<byte>.Count)
            Vector128.Create(_padded, index).CopyTo(target[index..]);
    }
}

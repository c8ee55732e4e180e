using System.Runtime.Intrinsics;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>A short text that is written again and again: its beginning, which is mostly all of it, is copied as one vector instead of by a call.</summary>
internal readonly struct PaddedText
{
    private readonly Vector256<byte> _start; // padded with zeros
    private readonly byte[] _rest;

    public PaddedText(ReadOnlySpan<byte> text)
    {
        Span<byte> start = stackalloc byte[Vector256<byte>.Count];
        var length = Math.Min(text.Length, start.Length);
        text[..length].CopyTo(start);
        _start = Vector256.Create<byte>(start);
        _rest = text[length..].ToArray();
        Length = text.Length;
    }

    public int Length { get; }

    /// <summary>How much room a copy needs.</summary>
    public int Room => Vector256<byte>.Count + _rest.Length;

    /// <summary>Copies the text, and zeros behind it.</summary>
    public void CopyTo(Span<byte> target)
    {
        _start.CopyTo(target);
        if (_rest.Length > 0)
            _rest.CopyTo(target[Vector256<byte>.Count..]);
    }
}

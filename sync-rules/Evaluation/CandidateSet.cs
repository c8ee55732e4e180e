using System.Numerics;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Numbers of queries, as bits.</summary>
internal sealed class CandidateSet(int size)
{
    private readonly ulong[] _words = new ulong[(size + 63) / 64];

    public void Add(int number) => _words[number / 64] |= 1UL << number % 64;

    public void Add(CandidateSet others)
    {
        for (var index = 0; index < _words.Length; index++)
            _words[index] |= others._words[index];
    }

    public void CopyFrom(CandidateSet other) => other._words.CopyTo(_words, 0);

    /// <summary>The smallest number in the set that is not below <paramref name="number"/>, or <see cref="int.MaxValue"/>.</summary>
    public int Next(int number)
    {
        var first = number >> 6;
        for (var index = first; index < _words.Length; index++)
        {
            var word = _words[index];
            if (index == first)
                word &= ulong.MaxValue << (number & 63);
            if (word != 0)
                return index * 64 + BitOperations.TrailingZeroCount(word);
        }
        return int.MaxValue;
    }
}

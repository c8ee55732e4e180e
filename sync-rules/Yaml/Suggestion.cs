namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>Finds the word that was probably meant.</summary>
internal static class Suggestion
{
    private const string Opening = " Did you mean '";
    private const string Closing = "'?";

    /// <summary><c> Did you mean 'x'?</c> when a candidate is close, otherwise nothing.</summary>
    public static string For(string word, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = (word.Length < 3 ? 0 : Math.Max(1, word.Length / 3)) + 1;
        foreach (var candidate in candidates)
        {
            var distance = Distance(word, candidate, bestDistance);
            if (distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }
        return best is null ? "" : $"{Opening}{best}{Closing}";
    }

    /// <summary>The word that a message suggests, or null.</summary>
    public static string? In(string message)
    {
        var start = message.LastIndexOf(Opening, StringComparison.Ordinal);
        var end = message.LastIndexOf(Closing, StringComparison.Ordinal);
        return start >= 0 && end >= start + Opening.Length ? message[(start + Opening.Length)..end] : null;
    }

    // Edits between the two words, two letters in the wrong order being one, letters compared without case; anything at or above the bound counts as the bound.
    private static int Distance(string left, string right, int bound)
    {
        if (left.Length > 64 || right.Length > 64 || Math.Abs(left.Length - right.Length) >= bound)
            return bound;
        var beforePrevious = new int[right.Length + 1];
        var previous = new int[right.Length + 1];
        var current = new int[right.Length + 1];
        for (var column = 0; column <= right.Length; column++)
            previous[column] = column;
        for (var row = 1; row <= left.Length; row++)
        {
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var replaced = previous[column - 1] + (IsSame(left[row - 1], right[column - 1]) ? 0 : 1);
                current[column] = Math.Min(replaced, Math.Min(previous[column], current[column - 1]) + 1);
                var isSwapped = row > 1 && column > 1 && IsSame(left[row - 1], right[column - 2]) && IsSame(left[row - 2], right[column - 1]);
                if (isSwapped)
                    current[column] = Math.Min(current[column], beforePrevious[column - 2] + 1);
            }
            (beforePrevious, previous, current) = (previous, current, beforePrevious);
        }
        return previous[right.Length];
    }

    private static bool IsSame(char left, char right) => char.ToLowerInvariant(left) == char.ToLowerInvariant(right);
}

using System.Buffers;
using System.Text;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Letter case without a language, including the letters that become several.</summary>
// https://www.unicode.org/Public/UCD/latest/ucd/SpecialCasing.txt, the unconditional part for letters in use, and final sigma.
internal static class LetterCase
{
    private const string Expanding = "\u00DF\u0149\u01F0\u0390\u03B0\u0587\uFB00\uFB01\uFB02\uFB03\uFB04\uFB05\uFB06";

    private static readonly SearchValues<char> AnyExpanding = SearchValues.Create(Expanding);

    private static readonly string[] Expansions =
        ["SS", "\u02BCN", "J\u030C", "\u0399\u0308\u0301", "\u03A5\u0308\u0301", "\u0535\u0552", "FF", "FI", "FL", "FFI", "FFL", "ST", "ST"];

    public static string ToUpper(string text)
    {
        var upper = text.ToUpperInvariant();
        if (upper.AsSpan().IndexOfAny(AnyExpanding) < 0)
            return upper;
        var target = new StringBuilder(upper.Length + 4);
        foreach (var letter in upper)
        {
            var special = Expanding.IndexOf(letter, StringComparison.Ordinal);
            if (special < 0)
                target.Append(letter);
            else
                target.Append(Expansions[special]);
        }
        return target.ToString();
    }

    public static string ToLower(string text)
    {
        var lower = text.ToLowerInvariant();
        if (text.AsSpan().IndexOfAny('\u0130', '\u03A3') < 0)
            return lower;
        var target = new StringBuilder(lower.Length + 2);
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] == '\u0130')
                target.Append("i\u0307");
            else if (text[index] == '\u03A3' && IsFinal(text, index))
                target.Append('\u03C2');
            else
                target.Append(lower[index]);
        }
        return target.ToString();
    }

    // A sigma at the end of a word has its own lower-case form.
    private static bool IsFinal(string text, int index) =>
        index > 0 && char.IsLetter(text[index - 1]) && (index + 1 == text.Length || !char.IsLetter(text[index + 1]));
}

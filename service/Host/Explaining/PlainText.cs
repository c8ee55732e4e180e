using System.Globalization;
using System.Text;

namespace TopGun.Buckets.Host;

/// <summary>Text from files and databases as it may be shown on a terminal.</summary>
internal static class PlainText
{
    private const int MaxValue = 160;

    /// <summary>The text without control characters, which could make a terminal do things. Tabs stay.</summary>
    public static string Safe(string text) => text.All(letter => letter == '\t' || !char.IsControl(letter))
        ? text
        : string.Concat(text.Select(letter => letter != '\t' && char.IsControl(letter) ? '\uFFFD' : letter));

    /// <summary>The text, cut when it is long.</summary>
    public static string Short(string text) => Safe(text.Length <= MaxValue ? text : $"{text[..MaxValue]}…");

    /// <summary>How many columns of a terminal a character takes.</summary>
    // The wide blocks of https://www.unicode.org/Public/UCD/latest/ucd/EastAsianWidth.txt, in large pieces.
    public static int WidthOf(Rune rune) => rune.Value switch
    {
        < 0x300 => 1,
        _ when Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format => 0,
        >= 0x1100 and <= 0x115F or >= 0x2E80 and <= 0x303E or >= 0x3041 and <= 0xA4CF or >= 0xAC00 and <= 0xD7A3 => 2,
        >= 0xF900 and <= 0xFAFF or >= 0xFE30 and <= 0xFE4F or >= 0xFF00 and <= 0xFF60 or >= 0xFFE0 and <= 0xFFE6 => 2,
        >= 0x1F300 and <= 0x1F64F or >= 0x1F680 and <= 0x1F6FF or >= 0x1F900 and <= 0x1F9FF or >= 0x20000 and <= 0x3FFFD => 2,
        _ => 1,
    };

    /// <summary><c>3 buckets</c>, <c>1 bucket</c>.</summary>
    public static string Count(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}

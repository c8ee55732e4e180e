using System.Globalization;
using System.Text;

namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>Collects what is wrong with a file, so that its author sees all of it at once.</summary>
internal sealed class Findings
{
    // Of each severity. More than anybody reads at once.
    private const int MaxFindings = 1000;

    private readonly List<(int Start, RuleError Error)> _all = [];
    private readonly HashSet<RuleError> _known = [];
    private readonly int[] _counts = new int[2];
    private readonly int _length;
    private readonly int[] _lineStarts;

    public Findings(string source)
        : this(source.Length, LineStarts(source))
    {
    }

    private Findings(int length, int[] lineStarts)
    {
        _length = length;
        _lineStarts = lineStarts;
    }

    public bool HasErrors { get; private set; }

    public void Error(string findingClass, YamlPlace place, string message) =>
        Add(RuleSeverity.Error, findingClass, place, message);

    public void Warning(string findingClass, YamlPlace place, string message) =>
        Add(RuleSeverity.Warning, findingClass, place, message);

    /// <summary>An empty collection for the same file.</summary>
    public Findings Attempt() => new(_length, _lineStarts);

    /// <summary>Adds all of another collection for the same file.</summary>
    public void Absorb(Findings other)
    {
        HasErrors |= other.HasErrors;
        _all.AddRange(other._all.Where(found => _known.Add(found.Error)));
    }

    /// <summary>Everything found, in file order.</summary>
    public IReadOnlyList<RuleError> ToList() => [.. _all.OrderBy(found => found.Start).Select(found => found.Error)];

    private void Add(RuleSeverity severity, string findingClass, YamlPlace place, string message)
    {
        HasErrors |= severity == RuleSeverity.Error;
        if (_counts[(int)severity]++ >= MaxFindings)
            return;
        var start = Math.Clamp(place.Start, 0, _length);
        var line = Array.BinarySearch(_lineStarts, start);
        line = line < 0 ? ~line - 1 : line;
        var error = new RuleError(
            severity, FindingClass.CodeOf(findingClass), findingClass, Printable(message),
            line + 1, start - _lineStarts[line] + 1, Math.Clamp(place.End - start, 0, _length - start))
        {
            Start = start,
        };
        if (_known.Add(error))
            _all.Add((start, error));
    }

    // Messages quote the file, which may hold anything, also half of a surrogate pair.
    private static string Printable(string message)
    {
        var needsEscape = false;
        foreach (var rune in message.EnumerateRunes())
            needsEscape |= rune == Rune.ReplacementChar || Rune.IsControl(rune);
        if (!needsEscape)
            return message;
        var text = new StringBuilder();
        foreach (var character in message)
        {
            if (char.IsControl(character) || char.IsSurrogate(character))
                text.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            else
                text.Append(character);
        }
        return text.ToString();
    }

    private static int[] LineStarts(string source)
    {
        var starts = new List<int> { 0 };
        for (var index = 0; index < source.Length; index++)
        {
            var isBreak = source[index] == '\n' || (source[index] == '\r' && (index + 1 == source.Length || source[index + 1] != '\n'));
            if (isBreak)
                starts.Add(index + 1);
        }
        return [.. starts];
    }
}

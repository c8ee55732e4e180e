using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary><c>like(pattern, text[, escape])</c>, which the operator LIKE calls, and <c>glob(pattern, text)</c>.</summary>
/// <param name="isExact">Whether reals become text as SQLite prints them.</param>
internal sealed class SqlitePatternFunctions(bool isExact)
{
    // SQLite's own limit; with it, a match takes at most a row's length times this many steps.
    private const int MaxPattern = 50_000;

    /// <summary><c>%</c> is any text and <c>_</c> any character; ASCII letters match in either case.</summary>
    public SqlValue Like(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        foreach (var argument in arguments)
        {
            if (argument.IsNull)
                return SqlValue.Null;
        }
        Rune? escape = null;
        if (arguments.Length > 2)
        {
            var runes = RunesOf(arguments[2], context);
            escape = runes.Length == 1 ? runes[0] : throw new EvaluationException("The ESCAPE of LIKE must be one character.");
        }
        var pattern = RunesOf(arguments[0], context);
        RequirePattern(pattern);
        return SqlValue.FromBoolean(Matches(CompileLike(pattern, escape), RunesOf(arguments[1], context), ignoresCase: true));
    }

    /// <summary><c>*</c> is any text, <c>?</c> any character, <c>[a-z]</c> one of them, <c>[^a-z]</c> none of them.</summary>
    public SqlValue Glob(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || arguments[1].IsNull)
            return SqlValue.Null;
        var pattern = RunesOf(arguments[0], context);
        RequirePattern(pattern);
        var parts = CompileGlob(pattern);
        return SqlValue.FromBoolean(parts is not null && Matches(parts, RunesOf(arguments[1], context), ignoresCase: false));
    }

    private static void RequirePattern(Rune[] pattern)
    {
        if (pattern.Length > MaxPattern)
            throw new EvaluationException($"A pattern has more than {MaxPattern} characters.");
    }

    // An escape at the end matches nothing.
    private static List<Part>? CompileLike(Rune[] pattern, Rune? escape)
    {
        var parts = new List<Part>();
        for (var index = 0; index < pattern.Length; index++)
        {
            if (pattern[index] == escape)
            {
                if (++index == pattern.Length)
                    return null;
                parts.Add(new Part(PartKind.One, pattern[index], null));
            }
            else
            {
                parts.Add(pattern[index].Value switch
                {
                    '%' => new Part(PartKind.AnyText, default, null),
                    '_' => new Part(PartKind.AnyCharacter, default, null),
                    _ => new Part(PartKind.One, pattern[index], null),
                });
            }
        }
        return parts;
    }

    // A bracket that is not closed matches nothing.
    private static List<Part>? CompileGlob(Rune[] pattern)
    {
        var parts = new List<Part>();
        for (var index = 0; index < pattern.Length; index++)
        {
            switch (pattern[index].Value)
            {
                case '*':
                    parts.Add(new Part(PartKind.AnyText, default, null));
                    break;
                case '?':
                    parts.Add(new Part(PartKind.AnyCharacter, default, null));
                    break;
                case '[':
                    if (ReadSet(pattern, ref index) is not { } set)
                        return null;
                    parts.Add(set);
                    break;
                default:
                    parts.Add(new Part(PartKind.One, pattern[index], null));
                    break;
            }
        }
        return parts;
    }

    // "[^]a-z]": a closing bracket in first place belongs to the set, so does a hyphen at either end.
    private static Part? ReadSet(Rune[] pattern, ref int index)
    {
        var at = index + 1;
        var isNegated = at < pattern.Length && pattern[at].Value == '^';
        if (isNegated)
            at++;
        var ranges = new List<(Rune Low, Rune High)>();
        for (var isFirst = true; at < pattern.Length && (isFirst || pattern[at].Value != ']'); isFirst = false)
        {
            var isRange = at + 2 < pattern.Length && pattern[at + 1].Value == '-' && pattern[at + 2].Value != ']';
            ranges.Add((pattern[at], pattern[at + (isRange ? 2 : 0)]));
            at += isRange ? 3 : 1;
        }
        index = at;
        return at < pattern.Length ? new Part(isNegated ? PartKind.NoneOf : PartKind.OneOf, default, ranges) : null;
    }

    // Only the last "any text" can have taken too little, so going back to it is enough.
    private static bool Matches(List<Part>? parts, Rune[] text, bool ignoresCase)
    {
        if (parts is null)
            return false;
        var (part, at) = (0, 0);
        var (lastPart, lastAt) = (-1, 0);
        while (at < text.Length)
        {
            if (part < parts.Count && parts[part].Kind == PartKind.AnyText)
            {
                (lastPart, lastAt) = (part++, at);
            }
            else if (part < parts.Count && parts[part].Accepts(text[at], ignoresCase))
            {
                part++;
                at++;
            }
            else if (lastPart >= 0)
            {
                part = lastPart + 1;
                at = ++lastAt;
            }
            else
            {
                return false;
            }
        }
        while (part < parts.Count && parts[part].Kind == PartKind.AnyText)
            part++;
        return part == parts.Count;
    }

    private Rune[] RunesOf(in SqlValue value, EvaluationContext context) =>
        [.. SqlCast.StringOf(value, isExact, context.Scratch).EnumerateRunes()];

    private enum PartKind
    {
        One,
        AnyCharacter,
        AnyText,
        OneOf,
        NoneOf,
    }

    private sealed record Part(PartKind Kind, Rune Character, List<(Rune Low, Rune High)>? Ranges)
    {
        public bool Accepts(Rune character, bool ignoresCase) => Kind switch
        {
            PartKind.AnyCharacter => true,
            PartKind.One => character == Character || (ignoresCase && Folded(character) == Folded(Character)),
            PartKind.OneOf => Contains(character),
            PartKind.NoneOf => !Contains(character),
            _ => false,
        };

        private static int Folded(Rune character) => character.Value is >= 'A' and <= 'Z' ? character.Value | 0x20 : character.Value;

        private bool Contains(Rune character)
        {
            foreach (var (low, high) in Ranges!)
            {
                if (character >= low && character <= high)
                    return true;
            }
            return false;
        }
    }
}

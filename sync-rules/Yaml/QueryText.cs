using System.Globalization;
using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>The text of one query, and the way from its positions back to those of the file, across quoting, escapes and indentation.</summary>
internal sealed class QueryText
{
    private readonly int[] _places;
    private readonly string _source;

    public QueryText(YamlScalar scalar, string source)
    {
        _source = source;
        Text = scalar.Value;
        Place = scalar.Place;
        _places = Align(scalar, source);
    }

    /// <summary>The query as the YAML denotes it.</summary>
    public string Text { get; }

    /// <summary>The whole scalar.</summary>
    public YamlPlace Place { get; }

    /// <summary>Place in the file of a part of the query.</summary>
    public YamlPlace PlaceOf(TextSpan span)
    {
        // What is missing at the end is missing after the last word, not after the blanks behind it.
        var end = Text.AsSpan().TrimEnd().Length;
        if (span.Start >= end)
        {
            var after = end == 0 ? _places[0] : _places[end - 1] + 1;
            return new YamlPlace(after, after);
        }
        var start = _places[Math.Max(span.Start, 0)];
        if (span.Length <= 0)
            return new YamlPlace(start, start);
        var last = _places[Math.Clamp(span.End - 1, 0, _places.Length - 1)];
        return new YamlPlace(start, Math.Max(start, last + 1));
    }

    /// <summary>1-based line in the file on which a part of the query begins.</summary>
    public int LineOf(TextSpan span) => 1 + _source.AsSpan(0, PlaceOf(span).Start).Count('\n');

    // Blanks may be folded, but every other character of the value stands in the source in the same order, as itself or as an escape.
    private static int[] Align(YamlScalar scalar, string source)
    {
        var value = scalar.Value;
        var places = new int[value.Length + 1];
        var end = Math.Min(scalar.Place.End, source.Length);
        var at = FirstCharacter(scalar, source, end);
        for (var index = 0; index < value.Length; index++)
        {
            var isBlank = char.IsWhiteSpace(value[index]);
            if (!isBlank)
                at = SkipBlanks(scalar, source, at, end);
            places[index] = Math.Min(at, end);
            if (char.IsLowSurrogate(value[index]) && at < end && source[at] != value[index])
                places[index] = index == 0 ? at : places[index - 1];
            else if (IsEscape(scalar, source, at, end))
                at += EscapeLength(source, at, end);
            else if (scalar.Style == YamlScalarStyle.SingleQuoted && value[index] == '\'')
                at += 2;
            else if (at < end && (!isBlank || char.IsWhiteSpace(source[at])))
                at++;
        }
        places[value.Length] = Math.Min(at, end);
        return places;
    }

    private static int FirstCharacter(YamlScalar scalar, string source, int end)
    {
        var start = SkipProperties(source, Math.Min(scalar.Place.Start, end), end);
        switch (scalar.Style)
        {
            case YamlScalarStyle.SingleQuoted or YamlScalarStyle.DoubleQuoted:
                return start + 1;
            case YamlScalarStyle.Block:
                var header = source.IndexOf('\n', start, end - start);
                return header < 0 ? end : SkipBlanks(source, header, end);
            default:
                return start;
        }
    }

    // A tag or an anchor may stand before the text, and a comment after those.
    private static int SkipProperties(string source, int at, int end)
    {
        while (at < end && source[at] is '!' or '&' or '#')
        {
            var isComment = source[at] == '#';
            while (at < end && (isComment ? source[at] is not ('\n' or '\r') : !char.IsWhiteSpace(source[at])))
                at++;
            at = SkipBlanks(source, at, end);
        }
        return at;
    }

    private static bool IsEscape(YamlScalar scalar, string source, int at, int end) =>
        scalar.Style == YamlScalarStyle.DoubleQuoted && at < end && source[at] == '\\';

    private static int EscapeLength(string source, int at, int end) => at + 1 >= end ? 1 : source[at + 1] switch
    {
        'x' => 4,
        'u' => 6,
        'U' => 10,
        '\r' when at + 2 < end && source[at + 2] == '\n' => 3,
        _ => 2,
    };

    // Blanks, also escaped ones; an escaped line break stands for nothing.
    private static int SkipBlanks(YamlScalar scalar, string source, int at, int end)
    {
        while (true)
        {
            at = SkipBlanks(source, at, end);
            if (!IsEscape(scalar, source, at, end) || !IsBlankEscape(source.AsSpan(at, Math.Min(EscapeLength(source, at, end), end - at))))
                return at;
            at += EscapeLength(source, at, end);
        }
    }

    private static bool IsBlankEscape(ReadOnlySpan<char> escape) => escape.Length > 1 && escape[1] switch
    {
        'n' or 't' or 'r' or 'v' or 'f' or ' ' or 'N' or '_' or 'L' or 'P' or '\t' or '\n' or '\r' => true,
        'x' or 'u' or 'U' => int.TryParse(escape[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            && code <= char.MaxValue && char.IsWhiteSpace((char)code),
        _ => false,
    };

    private static int SkipBlanks(string source, int at, int end)
    {
        while (at < end && char.IsWhiteSpace(source[at]))
            at++;
        return at;
    }
}

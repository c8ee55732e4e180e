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
        var start = _places[Math.Clamp(span.Start, 0, _places.Length - 1)];
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
            var c = value[index];
            if (char.IsWhiteSpace(c))
            {
                places[index] = Math.Min(at, end);
                if (at < end && char.IsWhiteSpace(source[at]))
                    at++;
                else if (IsEscape(scalar, source, at, end))
                    at += EscapeLength(source, at, end);
                continue;
            }
            while (at < end && char.IsWhiteSpace(source[at]))
                at++;
            while (at + 1 < end && IsEscape(scalar, source, at, end) && source[at + 1] is '\n' or '\r')
                at = SkipBlanks(source, at + 1, end);
            places[index] = Math.Min(at, end);
            if (IsEscape(scalar, source, at, end))
                at += EscapeLength(source, at, end);
            else if (scalar.Style == YamlScalarStyle.SingleQuoted && c == '\'')
                at += 2;
            else
                at++;
        }
        places[value.Length] = value.Length == 0 ? Math.Min(at, end) : Math.Min(places[value.Length - 1] + 1, end);
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

    // A tag or an anchor may stand before the text.
    private static int SkipProperties(string source, int at, int end)
    {
        while (at < end && source[at] is '!' or '&')
        {
            while (at < end && !char.IsWhiteSpace(source[at]))
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
        _ => 2,
    };

    private static int SkipBlanks(string source, int at, int end)
    {
        while (at < end && char.IsWhiteSpace(source[at]))
            at++;
        return at;
    }
}

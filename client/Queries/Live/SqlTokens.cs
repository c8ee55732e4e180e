namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>Splits SQL into words, literals, parameters and signs; comments and space are left out.</summary>
internal static class SqlTokens
{
    public static IReadOnlyList<string> Of(string sql)
    {
        var tokens = new List<string>();
        for (var at = 0; at < sql.Length;)
        {
            var length = Length(sql.AsSpan(at), out var isToken);
            if (isToken)
                tokens.Add(sql.Substring(at, length));
            at += length;
        }
        return tokens;
    }

    private static int Length(ReadOnlySpan<char> rest, out bool isToken)
    {
        var first = rest[0];
        isToken = !char.IsWhiteSpace(first);
        if (!isToken)
            return 1;
        if (rest.StartsWith("--") || rest.StartsWith("/*"))
        {
            isToken = false;
            var ending = first == '-' ? "\n" : "*/";
            var ends = rest[2..].IndexOf(ending);
            return ends < 0 ? rest.Length : ends + 2 + ending.Length;
        }
        if (first is '\'' or '"' or '`')
            return QuotedLength(rest, first);
        if (first == '[')
            return Math.Max(1, rest.IndexOf(']') + 1);
        if (IsWordPart(first) || first is '?' or ':' or '@')
        {
            var length = 1;
            while (length < rest.Length && IsWordPart(rest[length]))
                length++;
            return length;
        }
        return rest.Length > 1 && rest[..2] is "==" or "<=" or ">=" or "<>" or "!=" or "||" or "->" ? 2 : 1;
    }

    private static int QuotedLength(ReadOnlySpan<char> rest, char quote)
    {
        for (var at = 1; at < rest.Length; at++)
        {
            if (rest[at] != quote)
                continue;
            if (at + 1 < rest.Length && rest[at + 1] == quote)
                at++; // a doubled quote stands for one
            else
                return at + 1;
        }
        return rest.Length;
    }

    private static bool IsWordPart(char character) => char.IsLetterOrDigit(character) || character is '_' or '$' || character > 127;
}

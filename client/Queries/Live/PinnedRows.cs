using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>
/// Recognises a query that reads only rows whose ids it names, as in <c>WHERE id = ?</c>, so that changes of other rows need not wake it.
/// </summary>
/// <remarks>
/// Two witnesses have to agree. SQLite's plan says that rows are reached by their id alone; the text says by which values. Whatever is not
/// plainly of this shape counts as depending on every row, which is never wrong.
/// </remarks>
internal static class PinnedRows
{
    private const string KeyIndex = " INDEX sqlite_autoindex_";

    /// <returns>The ids, or null when the query may read any row.</returns>
    public static HashSet<string>? Find(Database database, string sql, IReadOnlyList<object?>? parameters, LocalSchema schema) =>
        Comparisons(database, sql, parameters) is { } ids && ReachesRowsById(database, sql, schema) ? ids : null;

    private static bool ReachesRowsById(Database database, string sql, LocalSchema schema)
    {
        var searches = 0;
        var other = false;
        var plan = database.Prepare("EXPLAIN QUERY PLAN " + sql);
        while (plan.Step())
        {
            var step = plan.Text(3)!;
            if (step.StartsWith("SEARCH ", StringComparison.Ordinal) && step.EndsWith(" (id=?)", StringComparison.Ordinal)
                && step.IndexOf(KeyIndex, StringComparison.Ordinal) is >= 0 and var key && IsOfDataTable(step[(key + KeyIndex.Length)..^" (id=?)".Length], schema))
                searches++;
            else if (!step.StartsWith("USE TEMP B-TREE", StringComparison.Ordinal))
                other = true;
        }
        return searches == 1 && !other;
    }

    /// <param name="key">What follows in the name of the index on a table's key: the table and a number.</param>
    /// <param name="schema">The app's tables.</param>
    private static bool IsOfDataTable(string key, LocalSchema schema) =>
        SqlText.IsDataTable(key)
        || (key.LastIndexOf('_') is >= 0 and var number && schema.FindBySqlName(key[..number]) is { IsNative: true });

    /// <summary>The values of the only comparison of a column <c>id</c>, when it is one with parameters or text.</summary>
    private static HashSet<string>? Comparisons(Database database, string sql, IReadOnlyList<object?>? parameters)
    {
        var tokens = SqlTokens.Of(sql);
        var statement = database.Prepare(sql);
        HashSet<string>? ids = null;
        var positional = 0;
        for (var index = 0; index < tokens.Count; index++)
        {
            var before = positional;
            if (tokens[index] == "?")
                positional++;
            if (!IsId(tokens, index))
                continue;
            if (IsComparison(At(tokens, index - (At(tokens, index - 1) == "." ? 3 : 1))) || ids is not null && IsComparison(At(tokens, index + 1)))
                return null; // compared the other way round, or a second time
            if (!IsComparison(At(tokens, index + 1)))
                continue; // merely selected or sorted by
            ids = Values(tokens, index, before, statement, parameters);
            if (ids is null)
                return null;
        }
        return ids;
    }

    private static HashSet<string>? Values(
        IReadOnlyList<string> tokens, int index, int positional, Statement statement, IReadOnlyList<object?>? parameters)
    {
        var start = index - (At(tokens, index - 1) == "." ? 2 : 0);
        if (!Is(At(tokens, start - 1), "WHERE") && !Is(At(tokens, start - 1), "AND"))
            return null;
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var next = index + 2;
        var isList = Is(At(tokens, index + 1), "IN");
        if (isList && At(tokens, next++) != "(")
            return null;
        if (!isList && !Is(At(tokens, index + 1), "=") && !Is(At(tokens, index + 1), "=="))
            return null;
        while (true)
        {
            if (Value(At(tokens, next), ref positional, statement, parameters) is not { } id)
                return null;
            ids.Add(id);
            var follows = At(tokens, next + 1);
            if (isList && follows == ",")
            {
                next += 2;
                continue;
            }
            if (isList && follows != ")")
                return null;
            follows = At(tokens, next + (isList ? 2 : 1));
            return follows is "" or ";" || Is(follows, "AND") || Is(follows, "ORDER") || Is(follows, "LIMIT") || Is(follows, "GROUP") ? ids : null;
        }
    }

    private static string? Value(string token, ref int positional, Statement statement, IReadOnlyList<object?>? parameters)
    {
        if (token.StartsWith('\''))
            return token[1..^1].Replace("''", "'", StringComparison.Ordinal);
        int position;
        if (token == "?")
            position = positional++;
        else if (token.Length > 1 && token[0] is '?' or ':' or '@' or '$')
            position = statement.ParameterIndex(token) - 1;
        else
            return null;
        return parameters is not null && position >= 0 && position < parameters.Count
            ? parameters[position] switch
            {
                string text => text,
                Guid guid => guid.ToString("D"),
                _ => null,
            }
            : null;
    }

    private static string At(IReadOnlyList<string> tokens, int index) => index >= 0 && index < tokens.Count ? tokens[index] : "";

    private static bool IsId(IReadOnlyList<string> tokens, int index) =>
        (Is(tokens[index], "id") || Is(tokens[index], "\"id\"")) && At(tokens, index + 1) != ".";

    private static bool IsComparison(string token) => token is "=" or "==" or "<" or ">" or "<=" or ">=" or "<>" or "!=" or "||"
        || Is(token, "IN") || Is(token, "IS") || Is(token, "NOT") || Is(token, "LIKE") || Is(token, "GLOB") || Is(token, "BETWEEN") || Is(token, "COLLATE");

    private static bool Is(string token, string word) => token.Equals(word, StringComparison.OrdinalIgnoreCase);
}

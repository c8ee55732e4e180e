using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>
/// Recognises a query each of whose rows is made of one row of one table, as <c>SELECT id, … FROM todos WHERE … ORDER BY title</c>: after a change
/// of some rows it is enough to read these.
/// </summary>
/// <remarks>What is not plainly of this shape is read as a whole, which is never wrong.</remarks>
internal sealed class RowwiseQuery
{
    private static readonly HashSet<string> Forbidden = new(StringComparer.OrdinalIgnoreCase)
    {
        "DISTINCT", "ALL", "GROUP", "HAVING", "LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT", "JOIN", "CROSS", "NATURAL", "WITH", "OVER", "WINDOW", "VALUES",
        "MATCH", "REGEXP", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME",
    };

    // Whatever else stands in front of a parenthesis may look at other rows, or at the clock.
    private static readonly HashSet<string> MayPrecedeParenthesis = new(StringComparer.OrdinalIgnoreCase)
    {
        "IN", "AND", "OR", "NOT", "WHERE", "WHEN", "THEN", "ELSE", "CASE", "IS", "LIKE", "GLOB", "BETWEEN", "CAST", "SELECT", "ESCAPE",
        "lower", "upper", "coalesce", "ifnull", "nullif", "iif", "length", "abs", "substr", "trim", "ltrim", "rtrim", "instr", "replace", "round", "typeof",
        "json_extract",
    };

    private RowwiseQuery(string table, string sql, int[] orderColumns)
    {
        Table = table;
        Sql = sql;
        OrderColumns = orderColumns;
    }

    /// <summary>The table that holds the rows.</summary>
    public string Table { get; }

    /// <summary>The query over the rows whose ids a further parameter lists as a JSON array.</summary>
    public string Sql { get; }

    /// <summary>Columns of the result that it is sorted by: while they are the same, so is the row's place.</summary>
    public IReadOnlyList<int> OrderColumns { get; }

    /// <param name="sql">The query.</param>
    /// <param name="statement">The query, compiled.</param>
    /// <param name="schema">The app's tables.</param>
    /// <returns>Null when the query is of another shape.</returns>
    public static RowwiseQuery? Find(string sql, Statement statement, LocalSchema schema)
    {
        var text = sql.TrimEnd();
        var tokens = SqlTokens.Of(text).ToList();
        if (tokens.Count > 0 && tokens[^1] == ";")
        {
            if (!text.EndsWith(';'))
                return null; // a comment follows
            tokens.RemoveAt(tokens.Count - 1);
            text = text[..^1];
        }
        if (!HasAllowedWords(tokens) || !BeginsWithId(tokens, statement) || TableOf(tokens, statement, schema) is not { } table
            || OrderColumnsOf(tokens, statement) is not { } order)
            return null;
        return new RowwiseQuery(table, $"SELECT * FROM ({text}\n) WHERE id IN (SELECT value FROM json_each(?))", order);
    }

    private static bool HasAllowedWords(List<string> tokens)
    {
        for (var index = 0; index < tokens.Count; index++)
        {
            if (Forbidden.Contains(tokens[index]) || tokens[index] == ";" || (index > 0 && Is(tokens[index], "SELECT")))
                return false;
            if (index > 0 && tokens[index] == "(" && IsName(tokens[index - 1]) && !MayPrecedeParenthesis.Contains(tokens[index - 1]))
                return false;
        }
        return tokens.Count > 0 && Is(tokens[0], "SELECT");
    }

    /// <summary>Whether the first column is the table's own id: <c>id</c>, <c>t.id</c>, <c>*</c> or <c>t.*</c>.</summary>
    private static bool BeginsWithId(List<string> tokens, Statement statement)
    {
        var at = tokens.Count > 2 && tokens[2] == "." ? 3 : 1;
        return at + 1 < tokens.Count
            && (tokens[at] == "*" || Is(tokens[at], "id") || Is(tokens[at], "\"id\""))
            && (tokens[at + 1] == "," || Is(tokens[at + 1], "FROM"))
            && statement.ColumnName(0).Equals("id", StringComparison.OrdinalIgnoreCase);
    }

    private static string? TableOf(List<string> tokens, Statement statement, LocalSchema schema)
    {
        var from = tokens.FindIndex(token => Is(token, "FROM"));
        if (from < 0 || from + 1 >= tokens.Count || from != tokens.FindLastIndex(token => Is(token, "FROM")))
            return null;
        var table = schema.FindBySqlName(Unquoted(tokens[from + 1]));
        if (table is null || table.Kind == TableKind.InsertOnly)
            return null;
        var next = from + 2;
        if (next < tokens.Count && Is(tokens[next], "AS"))
            next++;
        if (next < tokens.Count && IsName(tokens[next]) && !Is(tokens[next], "WHERE") && !Is(tokens[next], "ORDER"))
            next++; // the alias
        if (next < tokens.Count && !Is(tokens[next], "WHERE") && !Is(tokens[next], "ORDER"))
            return null;
        var data = SqlText.DataTable(table);
        return statement.Use.Reads.All(read => Is(read.Table, table.SqlName) || Is(read.Table, data)) ? data : null;
    }

    /// <returns>Null when it is sorted by anything but columns of the result.</returns>
    private static int[]? OrderColumnsOf(List<string> tokens, Statement statement)
    {
        var at = tokens.FindIndex(token => Is(token, "ORDER"));
        if (at < 0)
            return [];
        if (at + 1 >= tokens.Count || !Is(tokens[at + 1], "BY"))
            return null;
        var columns = new List<int>();
        at += 2;
        while (true)
        {
            if (at >= tokens.Count || ColumnOf(tokens[at++], statement) is not { } column)
                return null;
            columns.Add(column);
            if (at + 1 < tokens.Count && Is(tokens[at], "COLLATE"))
                at += 2;
            if (at < tokens.Count && (Is(tokens[at], "ASC") || Is(tokens[at], "DESC")))
                at++;
            if (at + 1 < tokens.Count && Is(tokens[at], "NULLS"))
                at += 2;
            if (at == tokens.Count)
                return [.. columns];
            if (tokens[at++] != ",")
                return null;
        }
    }

    private static int? ColumnOf(string token, Statement statement)
    {
        if (int.TryParse(token, out var place))
            return place >= 1 && place <= statement.ColumnCount ? place - 1 : null;
        var name = Unquoted(token);
        for (var column = 0; column < statement.ColumnCount; column++)
        {
            if (Is(statement.ColumnName(column), name))
                return column;
        }
        return null;
    }

    private static bool IsName(string token) => char.IsLetter(token[0]) || token[0] is '_' or '"' or '`' or '[';

    private static string Unquoted(string token) => token.Length >= 2 && token[0] is '"' or '`' or '[' ? token[1..^1] : token;

    private static bool Is(string token, string word) => token.Equals(word, StringComparison.OrdinalIgnoreCase);
}

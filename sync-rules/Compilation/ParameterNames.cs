using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>The names in a parameter query's select list, of which one is special.</summary>
internal static class ParameterNames
{
    public const int DefaultPriority = 3;
    public const string Priority = "_priority";

    /// <summary>Bucket parameters that the query outputs, in order.</summary>
    /// <param name="select">The query.</param>
    /// <param name="entry">Its definition.</param>
    /// <param name="priority">Priority of the buckets that come of it.</param>
    /// <exception cref="SqlProblem">A column has no name, or the priority is wrong.</exception>
    public static List<string> Of(SelectSyntax select, BucketDefinitionEntry entry, out int priority)
    {
        int? own = null;
        var names = new List<string>();
        foreach (var item in select.Items)
        {
            var name = NameOf(item);
            if (name != Priority)
            {
                names.Remove(name);
                names.Add(name);
                continue;
            }
            own = PriorityOf(item, own ?? entry.Priority);
        }
        priority = own ?? entry.Priority ?? DefaultPriority;
        return names;
    }

    /// <summary>The name of an output.</summary>
    public static string NameOf(SelectItem item)
    {
        if (item.IsStar)
            throw SqlProblem.Unsupported(item.Span, "A parameter query must name its columns; a star is not possible.");
        return item.Alias?.Text ?? (item.Expression as ColumnSyntax)?.Name.Text
            ?? throw SqlProblem.Semantics(item.Span, "An expression needs a name: write AS name after it.");
    }

    /// <param name="item">The priority column.</param>
    /// <param name="known">What was given before it.</param>
    public static int PriorityOf(SelectItem item, int? known)
    {
        if (known is not null)
            throw SqlProblem.Semantics(item.Span, "The priority is given twice; use either 'priority' or one _priority column.");
        return item.Expression is LiteralSyntax { Value: { Kind: SqlKind.Integer, Integer: >= 0 and <= 3 } literal }
            ? (int)literal.Integer
            : throw SqlProblem.Semantics(item.Span, "_priority must be an integer literal from 0 to 3.");
    }
}

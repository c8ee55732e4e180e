using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>A part of a query as its author wrote it. Cut out only when asked, because every nested expression has one.</summary>
internal sealed record SourceText(QueryText Query, TextSpan Span)
{
    /// <summary>The text on one line.</summary>
    public string Text => string.Join(' ', Query.Text[Math.Min(Span.Start, Query.Text.Length)..Math.Min(Span.End, Query.Text.Length)]
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>1-based line of the file where it begins.</summary>
    public int Line => Query.LineOf(Span);
}

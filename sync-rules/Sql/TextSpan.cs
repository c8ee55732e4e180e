namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>A part of a query's text, in UTF-16 units.</summary>
internal readonly record struct TextSpan(int Start, int End)
{
    public int Length => End - Start;

    public TextSpan To(TextSpan last) => new(Start, last.End);
}

using System.Collections.Frozen;

namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>Words that must be quoted to be names.</summary>
internal static class SqlWords
{
    public static readonly FrozenSet<string> Reserved = (
        "all analyse analyze and any array as asc asymmetric both case cast check collate constraint create " +
        "current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc distinct do " +
        "else end except false fetch for foreign from grant group having in initially intersect into is join lateral leading left " +
        "like limit localtime localtimestamp not null offset on only or order placing primary references returning right select " +
        "session_user some symmetric table then to trailing true union unique user using variadic when where window with " +
        "authorization binary concurrently cross current_schema freeze full ilike inner isnull natural notnull outer overlaps " +
        "precision similar tablesample verbose").Split(' ').ToFrozenSet(StringComparer.Ordinal);
}

using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>What expressions can ask about the table, as values made once.</summary>
internal sealed record TableFacts(SqlValue Schema, SqlValue Name, SqlValue Suffix)
{
    public static TableFacts Of(TableMatch match, SourceTable table) => new(
        SqlValue.FromText(table.Schema), SqlValue.FromText(table.Name), SqlValue.FromText(match.SuffixOf(table.Name)));

}

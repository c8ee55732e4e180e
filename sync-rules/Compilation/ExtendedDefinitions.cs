using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>What is said to authors whose bucket definition needs the switch that lets it run on the engine of streams.</summary>
internal static class ExtendedDefinitions
{
    public const string Remedy = $"set '{RulesFileReader.ExtendedDefinitionsKey}: true' under 'config'";

    public const string Joins = $"for joins {Remedy}, or use a stream of edition 3";

    /// <exception cref="SqlProblem">The condition has a subquery.</exception>
    public static void RefuseSubqueries(SqlExpression? condition)
    {
        switch (condition)
        {
            case BinarySyntax binary:
                RefuseSubqueries(binary.Left);
                RefuseSubqueries(binary.Right);
                break;
            case UnarySyntax unary:
                RefuseSubqueries(unary.Operand);
                break;
            case InSyntax membership:
                RefuseSubqueries(membership.Operand);
                RefuseSubqueries(membership.List);
                break;
            case SubquerySyntax subquery:
                throw SqlProblem.Unsupported(subquery.Span, $"A bucket definition has no subqueries; for subqueries {Remedy}, or use a stream of edition 3.");
        }
    }
}

using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>What names mean where an expression stands.</summary>
internal interface IExpressionScope
{
    /// <exception cref="SqlProblem">The name means nothing here.</exception>
    Bound ResolveColumn(ColumnSyntax column);

    /// <summary>Functions that are not of their arguments alone: of the request or the table.</summary>
    /// <returns>Null when it is none of them.</returns>
    Bound? ResolveCall(CallSyntax call, ScalarCompiler compiler);
}

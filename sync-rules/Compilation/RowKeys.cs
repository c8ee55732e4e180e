using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>What a query's <c>key</c> says about the ids of its rows.</summary>
internal static class RowKeys
{
    /// <summary>Adds the key to a select list, after checking that the query outputs it.</summary>
    public static Projection Add(Projection projection, IReadOnlyList<KeyColumn> key, TableMatch table, CompileContext context)
    {
        foreach (var column in key)
            Check(projection, column, table, context);
        return key.Count == 0 ? projection : projection with { Key = [.. key.Select(column => column.Name)] };
    }

    private static void Check(Projection projection, KeyColumn column, TableMatch table, CompileContext context)
    {
        if (projection.Items.Any(item => item.Expression is not null && item.Name == column.Name))
            return;
        if (!projection.Items.Any(item => item.Expression is null))
        {
            context.Findings.Error(FindingClass.SqlSemantics, column.Place,
                $"The query has no column '{column.Name}' to make the id of.{Suggestion.For(column.Name, projection.Items.Select(item => item.Name))}");
        }
        else if (projection.StarDropsUnderscore && column.Name.StartsWith('_'))
        {
            context.Findings.Error(FindingClass.SqlSemantics, column.Place,
                $"A star leaves out columns whose name starts with '_'; to make the id of '{column.Name}' select it by name as well.");
        }
        else
        {
            context.CheckColumn(table, column.Name, column.Place);
        }
    }
}

using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles select lists of data queries in editions 1 and 2.</summary>
internal static class ProjectionCompiler
{
    public static Projection Compile(SelectSyntax select, TableScope scope, ScalarCompiler scalars, QueryReport report, bool needsId)
    {
        var items = new List<OutputItem>();
        foreach (var item in select.Items)
            CompileContext.Try(report, () => items.Add(CompileItem(item, scope, scalars)));
        if (select.Items.Count == 0)
            throw SqlProblem.Semantics(select.Span, "The query selects nothing; select at least 'id'.");
        if (needsId && items.Count == select.Items.Count && !items.Any(item => item.Expression is null || item.Name == "id"))
            throw SqlProblem.Semantics(select.Span, "The query must select a column named 'id', directly or with AS id.");
        return new Projection(items, StarDropsUnderscore: true);
    }

    private static OutputItem CompileItem(SelectItem item, TableScope scope, ScalarCompiler scalars)
    {
        if (item.IsStar)
        {
            if (item.StarQualifier is { } qualifier && !scope.IsTable(qualifier.Text))
                throw SqlProblem.Reference(qualifier.Span, $"There is no table '{qualifier.Text}' in this query.{Suggestion.For(qualifier.Text, scope.Qualifiers)}");
            return new OutputItem("", null);
        }
        var value = scalars.Compile(item.Expression!);
        if (item.Alias is not null)
            return new OutputItem(item.Alias.Text, value.Expression);
        if (item.Expression is ColumnSyntax column)
            return new OutputItem(column.Name.Text, value.Expression);
        throw SqlProblem.Semantics(item.Span, "An expression needs a name: write AS name after it.");
    }
}

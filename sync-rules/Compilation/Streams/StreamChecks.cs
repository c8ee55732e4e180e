using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Warnings about a stream's names that need to know the source's tables.</summary>
internal static class StreamChecks
{
    public static void CheckNames(CompileContext context, StreamQuery query, SelectSyntax select, StreamScope scope, QueryReport report)
    {
        foreach (var column in SchemaChecks.ColumnsOf(select))
        {
            var isNamedQuery = column.Qualifier is null && query.FindCte(column.Name.Text) is not null;
            if (isNamedQuery)
                continue;
            var entry = column.Qualifier is { } qualifier ? scope.Find(qualifier.Text) : scope.Entries.Count == 1 ? scope.Entries[0] : null;
            if (entry is TableEntry table)
                context.CheckColumn(table.Group.Match!, column.Name, report);
        }
    }

    public static void WarnOfAlias(SelectSyntax select, SourceGroup primary, QueryReport report)
    {
        if (select.From.Count > 1 && primary.Table is { Alias: { IsQuoted: false } alias })
        {
            report.Warn(FindingClass.AliasedPrimaryTable, alias.Span,
                $"Clients get these rows in a table named '{alias.Text}', after the alias; to mean that write it in double quotes.");
        }
    }
}

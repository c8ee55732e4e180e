using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Compiles the select list of a stream's query and finds the one table that it selects from.</summary>
internal sealed class StreamProjection(StreamQuery query, CompileContext context, StreamScope scope, QueryReport report)
{
    private readonly List<OutputItem> _items = [];
    private SourceGroup? _primary;

    private bool IsEdition3 => query.Edition == 3;

    /// <returns>What clients receive, and the table it is of; null after a mistake.</returns>
    public (Projection Projection, SourceGroup Primary)? Compile(SelectSyntax select, IReadOnlyList<KeyColumn> key)
    {
        if (select.Items.Count == 0)
            throw SqlProblem.Unsupported(select.Span, "The query must select columns of a table.");
        var compiler = new ConditionCompiler(query, context, scope, report);
        foreach (var item in select.Items)
        {
            CompileContext.Try(report, () =>
            {
                if (item.IsStar)
                    AddStar(item, select);
                else
                    AddValue(item, compiler.CompileTerm(item.Expression!));
            });
        }
        if (report.HasErrors)
            return null;
        var primary = _primary ?? OnlyTable(select);
        if (key.Count == 0)
            CheckId(select, primary);
        return (RowKeys.Add(new Projection(_items, StarDropsUnderscore: !IsEdition3), key, primary.Match!, context), primary);
    }

    private void AddStar(SelectItem item, SelectSyntax select)
    {
        if (item.StarQualifier is null && scope.Entries.Count != 1)
            throw SqlProblem.Reference(item.Span, "With several sources write table.* for the one that clients get.");
        var entry = item.StarQualifier is { } qualifier
            ? scope.Entries.FirstOrDefault(known => string.Equals(known.Name, qualifier.Text, StringComparison.OrdinalIgnoreCase))
                ?? throw SqlProblem.Reference(qualifier.Span, $"There is no table '{qualifier.Text}' in this query.{Suggestion.For(qualifier.Text, scope.Entries.Select(known => known.Name))}")
            : scope.Entries[0];
        if (IsEdition3 && select.Items.TakeWhile(other => other != item).Any(other => other.Alias is not null))
            report.Warn(FindingClass.StarAfterAlias, item.Span, "The star replaces columns of the same name that stand before it; write it first.");
        switch (entry)
        {
            case TableEntry table:
                Select(table.Group, item.Span);
                _items.Add(new OutputItem("", null));
                break;
            case DerivedEntry derived:
                foreach (var (name, term) in derived.Columns)
                    Add(name, term, item.Span);
                break;
            default:
                throw SqlProblem.Unsupported(item.Span, "Rows can only be selected from a table, not from json_each().");
        }
    }

    private void AddValue(SelectItem item, BoundTerm term)
    {
        var name = item.Alias?.Text ?? (item.Expression as ColumnSyntax)?.Name.Text;
        if (name is null && !IsEdition3)
            throw SqlProblem.Semantics(item.Span, "An expression needs a name: write AS name after it.");
        if (name is null)
        {
            name = report.Query.Text[item.Expression!.Span.Start..item.Expression.Span.End];
            report.Warn(FindingClass.MissingAlias, item.Span, $"The expression has no name, so clients get it as '{name}'; write AS name after it.");
        }
        Add(name, term, item.Span);
    }

    private void Add(string name, BoundTerm term, TextSpan span)
    {
        if (term.Origin == Origin.Request)
            throw SqlProblem.Unsupported(span, "Values of the request cannot be selected: all clients of a bucket get the same rows.");
        if (term.Each.Count > 0)
            throw SqlProblem.Unsupported(span, "Values of json_each() cannot be selected.");
        if (term.Origin == Origin.Row)
            Select(query.Groups[term.Source], span);
        _items.Add(new OutputItem(name, term.Value.Expression));
    }

    private void Select(SourceGroup group, TextSpan span)
    {
        if (!group.IsTable)
            throw SqlProblem.Unsupported(span, "Rows can only be selected from a table, not from json_each().");
        if (_primary is not null && _primary != group)
            throw SqlProblem.Unsupported(span, "All selected columns must be of one table.");
        _primary = group;
    }

    private SourceGroup OnlyTable(SelectSyntax select)
    {
        var tables = scope.Entries.OfType<TableEntry>().ToList();
        return tables.Count == 1
            ? tables[0].Group
            : throw SqlProblem.Unsupported(select.Span, "The query must select columns of a table.");
    }

    private void CheckId(SelectSyntax select, SourceGroup primary)
    {
        var hasStar = _items.Exists(item => item.Expression is null);
        if (_items.Exists(item => item.Name == "id" && item.Expression is not null))
            return;
        if (!hasStar && !IsEdition3)
            throw SqlProblem.Semantics(select.Span, "The query must select a column named 'id', directly or with AS id.");
        var tables = context.TablesOf(primary.Match!);
        if (!hasStar || (tables.Count > 0 && tables.All(table => table.IndexOf("id") < 0)))
            report.Warn(FindingClass.MissingId, select.Span, "No column 'id' is selected; rows without id overwrite each other on the client.");
    }
}

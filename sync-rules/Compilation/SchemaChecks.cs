using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Warnings that need to know the source's tables. They never decide whether a file is accepted.</summary>
internal static class SchemaChecks
{
    public static void CheckNames(CompileContext context, SelectSyntax select, TableScope scope, TableMatch match, QueryReport report, bool needsId)
    {
        var tables = context.TablesOf(match);
        if (tables.Count == 0)
            return;
        foreach (var column in ColumnsOf(select))
        {
            if (column.Qualifier is null || scope.IsTable(column.Qualifier.Text))
                context.CheckColumn(match, column.Name, report);
        }
        var hasOwnId = select.Items.Any(item => (item.Alias?.Text ?? (item.Expression as ColumnSyntax)?.Name.Text) == "id");
        if (needsId && select.Items.FirstOrDefault(item => item.IsStar) is { } star && !hasOwnId && tables.All(table => table.IndexOf("id") < 0))
            report.Warn(FindingClass.MissingId, star.Span, $"The table '{match.Name}' has no column 'id'; every row needs one on the client.");
    }

    /// <summary>Every column that a query names.</summary>
    public static IEnumerable<ColumnSyntax> ColumnsOf(SelectSyntax select) =>
        select.Items.Where(item => item.Expression is not null).SelectMany(item => ColumnsOf(item.Expression!))
            .Concat(select.Where is null ? [] : ColumnsOf(select.Where));

    public static IEnumerable<ColumnSyntax> ColumnsOf(SqlExpression node) => node switch
    {
        ColumnSyntax column => [column],
        UnarySyntax unary => ColumnsOf(unary.Operand),
        BinarySyntax binary => ColumnsOf(binary.Left).Concat(ColumnsOf(binary.Right)),
        ArrowSyntax arrow => ColumnsOf(arrow.Operand),
        IsSyntax test => ColumnsOf(test.Operand),
        InSyntax membership => ColumnsOf(membership.Operand).Concat(ColumnsOf(membership.List)),
        BetweenSyntax between => ColumnsOf(between.Operand).Concat(ColumnsOf(between.Low)).Concat(ColumnsOf(between.High)),
        LikeSyntax like => ColumnsOf(like.Operand).Concat(ColumnsOf(like.Pattern)).Concat(like.Escape is null ? [] : ColumnsOf(like.Escape)),
        CastSyntax cast => ColumnsOf(cast.Operand),
        CallSyntax call => call.Arguments.SelectMany(ColumnsOf),
        ArraySyntax array => array.Items.SelectMany(ColumnsOf),
        CaseSyntax choice => choice.Branches.SelectMany(branch => ColumnsOf(branch.When).Concat(ColumnsOf(branch.Then)))
            .Concat(choice.Operand is null ? [] : ColumnsOf(choice.Operand))
            .Concat(choice.Otherwise is null ? [] : ColumnsOf(choice.Otherwise)),
        _ => [],
    };
}

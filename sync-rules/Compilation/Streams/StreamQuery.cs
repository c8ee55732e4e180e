using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Reads the FROM clauses of one query and everything inlined into it: gives names to scopes and rows to groups.</summary>
/// <param name="context">The file.</param>
/// <param name="ctes">Named queries that it sees.</param>
/// <param name="isBucketDefinition">Whether it is a query of a bucket definition, which asks for the request in other words.</param>
internal sealed class StreamQuery(CompileContext context, CteScope ctes, bool isBucketDefinition = false)
{
    private const int MaxSources = 64;

    // Uses of named queries in one query, each compiled anew; those that name each other twice would double at every step.
    private const int MaxUses = 256;

    private readonly List<SourceGroup> _groups = [];
    private readonly List<Cte> _inside = [];
    private int _uses;

    public IReadOnlyList<SourceGroup> Groups => _groups;

    public int Edition => context.Settings.Edition;

    public bool IsBucketDefinition => isBucketDefinition;

    /// <summary>Whether subqueries are limited to what edition 2 has for streams.</summary>
    public bool IsPreview => Edition == 2 && !isBucketDefinition;

    /// <summary>Adds the sources of a query to a scope.</summary>
    /// <returns>Conditions that come with them.</returns>
    public List<Condition> AddSources(SelectSyntax select, StreamScope scope, QueryReport report)
    {
        var conditions = new List<Condition>();
        foreach (var item in select.From)
        {
            switch (item)
            {
                case TableSyntax table:
                    AddTable(table, scope, report, conditions);
                    break;
                case TableCallSyntax call:
                    AddEach(call, scope, report);
                    break;
                case DerivedTableSyntax derived:
                    AddDerived(derived, scope, report, conditions);
                    break;
            }
        }
        return conditions;
    }

    /// <summary>Compiles a query that is used for its rows: a subquery, a derived table or a CTE.</summary>
    /// <param name="select">The query.</param>
    /// <param name="scope">Its names, none yet.</param>
    /// <param name="report">For warnings in its text.</param>
    /// <param name="columns">Its named outputs.</param>
    /// <returns>What must hold for its rows.</returns>
    public Condition Inline(
        SelectSyntax select, StreamScope scope, QueryReport report, out IReadOnlyList<(string Name, BoundTerm Term)> columns)
    {
        WarnOfDistinct(select, report);
        var conditions = AddSources(select, scope, report);
        var compiler = new ConditionCompiler(this, context, scope, report);
        if (select.Where is not null)
            conditions.Add(compiler.Compile(select.Where));
        var outputs = new List<(string Name, BoundTerm Term)>();
        foreach (var item in select.Items)
        {
            if (item.IsStar)
                throw SqlProblem.Unsupported(item.Span, "A subquery must name its columns; a star is not possible.");
            var name = item.Alias?.Text ?? (item.Expression as ColumnSyntax)?.Name.Text ?? "";
            outputs.Add((name, compiler.CompileTerm(item.Expression!)));
        }
        StreamChecks.CheckNames(context, this, select, scope, report);
        columns = outputs;
        return new AllOf(conditions, select.Span, report);
    }

    /// <summary>The named query that a name stands for, if it does.</summary>
    public Cte? FindCte(string name) => _inside is [.., { IsGlobal: true }] ? ctes.FindGlobal(name) : ctes.Find(name);

    /// <summary>Compiles a named query at one of its uses.</summary>
    public Condition InlineCte(Cte cte, TextSpan use, out IReadOnlyList<(string Name, BoundTerm Term)> columns)
    {
        if (_inside.IndexOf(cte) is >= 0 and var first)
            throw Cycle(cte, first, use);
        if (++_uses > MaxUses)
            throw SqlProblem.Unsupported(use, $"The query uses named queries more than {MaxUses} times.");
        cte.IsUsed = true;
        if (cte.Select is null)
            throw new SqlProblem(FindingClass.SqlSyntax, $"The named query '{cte.Entry.Name}' does not parse.", use);
        _inside.Add(cte);
        try
        {
            var condition = Inline(cte.Select, new StreamScope(null, this, cte.Report), cte.Report, out columns);
            if (columns.FirstOrDefault(column => column.Name.Length == 0).Term is not null)
                throw SqlProblem.Semantics(cte.Select.Span, "Every column of a named query needs a name: write AS name after it.");
            return condition;
        }
        catch (SqlProblem problem)
        {
            problem.Report ??= cte.Report.Error;
            throw;
        }
        finally
        {
            _inside.RemoveAt(_inside.Count - 1);
        }
    }

    private SqlProblem Cycle(Cte cte, int first, TextSpan use)
    {
        var path = string.Join(" → ", _inside.Skip(first).Append(cte).Select(each => $"'{each.Entry.Name}'"));
        return SqlProblem.Reference(use, $"A named query cannot use itself: {path}. To mean a table of that name, write its schema before it.");
    }

    /// <summary>Rows of a JSON value: of the same source as the value.</summary>
    public (SourceGroup Group, EachSource Each) AddEach(Bound input, bool isMembership, TextSpan span)
    {
        if (input.Origin == Origin.Row)
        {
            var owner = _groups[input.Source];
            if (!owner.IsTable)
                throw new InvalidOperationException("Rows of the request cannot be expanded again.");
            return (owner, owner.AddEach(input.Expression, isMembership));
        }
        var each = new EachSource(input.Expression, isMembership);
        return (Add(new SourceGroup(_groups.Count) { RequestRows = each }, span), each);
    }

    public static void WarnOfDistinct(SelectSyntax select, QueryReport report)
    {
        if (select.Distinct is { } distinct)
            report.Warn(FindingClass.RedundantDistinct, distinct, "DISTINCT has no effect: rows are identified by their id.");
    }

    private SourceGroup Add(SourceGroup group, TextSpan span)
    {
        if (_groups.Count == MaxSources)
            throw SqlProblem.Unsupported(span, $"The query has more than {MaxSources} tables and subqueries.");
        _groups.Add(group);
        return group;
    }

    private void AddTable(TableSyntax table, StreamScope scope, QueryReport report, List<Condition> conditions)
    {
        if (table.Schema is null && FindCte(table.Name.Text) is { } cte && cte != _inside.LastOrDefault())
        {
            conditions.Add(InlineCte(cte, table.Span, out var columns));
            scope.Add(new DerivedEntry(table.Alias?.Text ?? cte.Entry.Name, columns), table.Span);
            return;
        }
        var match = TableMatch.Of(table, context.DefaultSchema, Edition);
        context.CheckTable(match, table, report);
        var group = Add(new SourceGroup(_groups.Count) { Table = table, Match = match, Report = report }, table.Span);
        scope.Add(new TableEntry(table.Alias?.Text ?? table.Name.Text, group, HasSuffixColumn: Edition < 3), table.Span);
    }

    private void AddEach(TableCallSyntax call, StreamScope scope, QueryReport report)
    {
        if (call.Call.Qualifier is not null || call.Call.Name.Text != "json_each")
            throw SqlProblem.Reference(call.Call.Span, $"There is no table function '{call.Call.Name.Text}'; only json_each().");
        if (call.Call.Arguments.Count != 1)
            throw SqlProblem.Semantics(call.Call.Span, $"json_each() takes 1 argument, not {call.Call.Arguments.Count}.");
        var term = new ConditionCompiler(this, context, scope, report).CompileTerm(call.Call.Arguments[0]);
        if (term.Each.Count > 0)
            throw SqlProblem.Unsupported(call.Span, "json_each() over the rows of another json_each() is not possible.");
        var (group, each) = AddEach(term.Value, isMembership: false, call.Span);
        scope.Add(new EachEntry(call.Alias?.Text ?? "json_each", group, each), call.Span);
    }

    private void AddDerived(DerivedTableSyntax derived, StreamScope scope, QueryReport report, List<Condition> conditions)
    {
        if (derived.Alias is null)
            throw SqlProblem.Syntax(derived.Span, "A subquery in FROM needs a name: write AS name after it.");
        var inside = new StreamScope(null, this, report);
        conditions.Add(Inline(derived.Select, inside, report, out var columns));
        if (derived.ColumnNames.Count > columns.Count)
            throw SqlProblem.Semantics(derived.Span, $"'{derived.Alias.Text}' has {columns.Count} columns, not {derived.ColumnNames.Count}.");
        var named = columns.Select((column, index) => index < derived.ColumnNames.Count ? (derived.ColumnNames[index].Text, column.Term) : column).ToList();
        if (named.Exists(column => column.Item1.Length == 0))
            throw SqlProblem.Semantics(derived.Span, "Every column of a subquery in FROM needs a name: write AS name after it.");
        scope.Add(new DerivedEntry(derived.Alias.Text, named) { Inside = inside }, derived.Span);
    }
}

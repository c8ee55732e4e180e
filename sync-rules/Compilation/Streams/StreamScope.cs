using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>A named source of a FROM clause.</summary>
internal abstract record ScopeEntry(string Name)
{
    /// <summary>Null when it has no such column.</summary>
    public abstract BoundTerm? Resolve(string column);

    /// <summary>Columns by name, for suggestions.</summary>
    public abstract IEnumerable<string> ColumnNames { get; }
}

internal sealed record TableEntry(string Name, SourceGroup Group, bool HasSuffixColumn) : ScopeEntry(Name)
{
    public override IEnumerable<string> ColumnNames => [];

    public override BoundTerm Resolve(string column) => new(new Bound(ExpressionOf(column), Origin.Row, Group.Id), []);

    public Expression ExpressionOf(string column) => HasSuffixColumn && Group.Match!.IsWildcard && column == TableScope.SuffixColumn
        ? new TableFactExpression(TableFact.Suffix)
        : Group.Columns.Column(column);
}

internal sealed record EachEntry(string Name, SourceGroup Group, EachSource Each) : ScopeEntry(Name)
{
    public override IEnumerable<string> ColumnNames => ["key", "value"];

    public override BoundTerm? Resolve(string column) => column is "key" or "value"
        ? new BoundTerm(new Bound(new EachExpression(Each.Index, Each.Input.ToString(), column == "key"), Origin.Row, Group.Id), [Each])
        : null;
}

/// <summary>A subquery in FROM or a CTE: its named outputs.</summary>
internal sealed record DerivedEntry(string Name, IReadOnlyList<(string Name, BoundTerm Term)> Columns) : ScopeEntry(Name)
{
    /// <summary>Names of the subquery itself; null for a CTE.</summary>
    public StreamScope? Inside { get; init; }

    public override IEnumerable<string> ColumnNames => Columns.Select(column => column.Name);

    public override BoundTerm? Resolve(string column) => Columns.FirstOrDefault(found => found.Name == column).Term;
}

/// <summary>The bucket parameters of a definition as a data query sees them: the outputs of one parameter query.</summary>
/// <param name="Columns">The outputs; null when they are not known because of other errors, and anything goes.</param>
internal sealed record ParameterEntry(IReadOnlyList<(string Name, BoundTerm Term)>? Columns) : ScopeEntry(DataQueryScope.BucketQualifier)
{
    private static readonly BoundTerm Anything = new(Bound.Request(new RequestExpression(RequestPart.UserId)), []);

    /// <summary>Names that the query has read.</summary>
    public HashSet<string> Used { get; } = new(StringComparer.Ordinal);

    public override IEnumerable<string> ColumnNames => Columns is null ? [] : Columns.Select(column => column.Name);

    public override BoundTerm? Resolve(string column)
    {
        Used.Add(column);
        return Columns is null ? Anything : Columns.FirstOrDefault(found => found.Name == column).Term;
    }
}

/// <summary>Names at one place of a stream's query: the sources of its FROM, then those of the queries around it.</summary>
/// <param name="outer">The query around, which a subquery of a condition sees.</param>
/// <param name="query">The whole query.</param>
/// <param name="report">For warnings.</param>
internal sealed class StreamScope(StreamScope? outer, StreamQuery query, QueryReport report) : IExpressionScope
{
    private readonly List<ScopeEntry> _entries = [];

    public IReadOnlyList<ScopeEntry> Entries => _entries;

    /// <summary>What the rows of this FROM clause are made of, subqueries in it included.</summary>
    public IEnumerable<(SourceGroup Group, EachSource? Each)> Sources => _entries.SelectMany(entry => entry switch
    {
        TableEntry table => [(table.Group, null)],
        EachEntry each => [(each.Group, each.Each)],
        DerivedEntry { Inside: { } inside } => inside.Sources,
        _ => Enumerable.Empty<(SourceGroup, EachSource?)>(),
    });

    /// <summary>The <c>json_each</c> calls that expressions have read since this was cleared.</summary>
    public HashSet<EachSource> Touched { get; } = outer?.Touched ?? [];

    /// <exception cref="SqlProblem">The name is taken.</exception>
    public void Add(ScopeEntry entry, TextSpan span)
    {
        if (_entries.Exists(other => Matches(other, entry.Name)))
            throw SqlProblem.Reference(span, $"The name '{entry.Name}' stands for two sources; give one of them an alias.");
        _entries.Add(entry);
    }

    public ScopeEntry? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._entries.Find(entry => Matches(entry, name)) is { } found)
                return found;
        }
        return null;
    }

    private StreamScope? Outer => outer;

    /// <summary>The same sources inside another query.</summary>
    public StreamScope Inside(StreamScope around)
    {
        var scope = new StreamScope(around, query, report);
        scope._entries.AddRange(_entries);
        return scope;
    }

    public Bound ResolveColumn(ColumnSyntax column)
    {
        if (query.IsBucketDefinition && column.Qualifier is { } word && Find(word.Text) is null && LegacyParameters.Resolve(column) is { } legacy)
            return legacy;
        var entry = column.Qualifier is { } qualifier ? Qualified(qualifier) : Unqualified(column);
        if (entry.Resolve(column.Name.Text) is not { } term)
        {
            throw SqlProblem.Reference(
                column.Name.Span, $"'{entry.Name}' has no column '{column.Name.Text}'.{Suggestion.For(column.Name.Text, entry.ColumnNames)}");
        }
        Touched.UnionWith(term.Each);
        return term.Value;
    }

    public Bound? ResolveCall(CallSyntax call, ScalarCompiler compiler)
    {
        var request = query.IsBucketDefinition ? RequestFunctions.OfRules(call, compiler) : RequestFunctions.OfStreams(call, query.Edition, compiler);
        if (request is not null)
            return request;
        if (call.Qualifier is null || query.Edition < 3 || Find(call.Qualifier.Text) is not { } entry)
            return null;
        TableFact fact = call.Name.Text switch
        {
            "schema" => TableFact.Schema,
            "table_name" => TableFact.Name,
            "table_suffix" => TableFact.Suffix,
            _ => throw SqlProblem.Reference(call.Span, $"There is no function '{call.Qualifier.Text}.{call.Name.Text}'."),
        };
        if (entry is not TableEntry table)
            throw SqlProblem.Reference(call.Qualifier.Span, $"'{entry.Name}' is no table, so it has no {call.Name.Text}().");
        if (call.Arguments.Count > 0)
            throw SqlProblem.Semantics(call.Span, $"{call.Name.Text}() takes no arguments.");
        if (fact == TableFact.Suffix && !table.Group.Match!.IsWildcard)
            report.Warn(FindingClass.PointlessTableSuffix, call.Span, $"The table '{table.Name}' has no wildcard, so its suffix is always empty.");
        return new Bound(new TableFactExpression(fact), Origin.Row, table.Group.Id);
    }

    private ScopeEntry Qualified(SqlName qualifier)
    {
        if (Find(qualifier.Text) is { } entry)
            return entry;
        var hint = qualifier.Text is "bucket" or "token_parameters" or "user_parameters" && !query.IsBucketDefinition
            ? " Streams read the request with auth, connection and subscription functions."
            : Suggestion.For(qualifier.Text, _entries.Select(known => known.Name));
        throw SqlProblem.Reference(qualifier.Span, $"There is no table '{qualifier.Text}' in this query.{hint}");
    }

    private ScopeEntry Unqualified(ColumnSyntax column)
    {
        var scope = this;
        while (scope._entries.Count == 0 && scope.Outer is not null)
            scope = scope.Outer;
        return scope._entries.Count switch
        {
            1 => scope._entries[0],
            0 => throw SqlProblem.Reference(column.Span, $"There is no '{column.Name.Text}' here: the query has no FROM."),
            _ => throw SqlProblem.Reference(column.Span, $"'{column.Name.Text}' could be of any of several sources; write its table before it."),
        };
    }

    private static bool Matches(ScopeEntry entry, string name) => string.Equals(entry.Name, name, StringComparison.OrdinalIgnoreCase);
}

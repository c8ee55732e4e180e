using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Plans one alternative of a stream's condition: which values partition the primary table, and through which lookups a request finds them.</summary>
/// <remarks>
/// Sources are resolved one after the other, those nearest to the request first; each one's keys come from the request and from sources
/// before it. Links to the primary table become partition keys. Row identity holds by itself, because a possibility of a resolution is
/// one row of each source.
/// </remarks>
internal sealed class AlternativePlanner
{
    // Each is a key of a bucket or an index.
    private const int MaxLinks = 200;

    private readonly IReadOnlyList<SourceGroup> _groups;
    private readonly SourceGroup _primary;
    private readonly Dictionary<int, List<Expression>> _filters = [];
    private readonly Dictionary<int, List<EachSource>> _each = [];
    private readonly List<Expression> _requestFilters = [];
    private readonly List<(BoundTerm Own, BoundTerm Other, Link Link)> _links = [];
    private readonly Dictionary<int, List<Expression>> _outputs = [];
    private readonly SortedSet<int> _touched = [];

    /// <param name="groups">All sources of the query.</param>
    /// <param name="primary">The table that is selected from.</param>
    /// <param name="conditions">What must hold together.</param>
    /// <param name="needed">Sources that must have a row even where no condition reads them. Any other that is not read is ignored.</param>
    public AlternativePlanner(
        IReadOnlyList<SourceGroup> groups,
        SourceGroup primary,
        IEnumerable<Condition> conditions,
        IEnumerable<(SourceGroup Group, EachSource? Each)>? needed = null)
    {
        _groups = groups;
        _primary = primary;
        foreach (var (group, each) in needed ?? [])
            Touch(group.Id, each is not null && group.IsTable ? [each] : []);
        foreach (var condition in conditions)
        {
            if (condition is Test test)
                AddTest(test.Term);
            else
                AddLink((Link)condition);
        }
    }

    /// <summary>How rows of the primary table match; its keys are in the order of <see cref="Keys"/>.</summary>
    public RowMatch Match { get; private set; } = null!;

    public IReadOnlyList<Expression> RequestFilters => _requestFilters;

    public List<ResolutionSource> Sources { get; } = [];

    public List<List<ResolvedValue>> Keys { get; } = [];

    /// <param name="lookupOf">Gives the index for rows of a table, shared between equal ones.</param>
    public void Plan(Func<SourceGroup, RowMatch, IReadOnlyList<Expression>, LookupPlan> lookupOf)
    {
        CheckRelations();
        var order = Order();
        foreach (var id in order)
            _outputs[id] = OutputsOf(id, order);
        foreach (var id in order)
            Sources.Add(SourceOf(_groups[id], order, lookupOf));
        PlanPrimary(order);
    }

    private void AddTest(BoundTerm term)
    {
        switch (term.Origin)
        {
            case Origin.Request:
                _requestFilters.Add(term.Value.Expression);
                break;
            case Origin.Row:
                Touch(term);
                ListOf(_filters, term.Source).Add(term.Value.Expression);
                break;
            default:
                ListOf(_filters, _primary.Id).Add(term.Value.Expression);
                break;
        }
    }

    private void AddLink(Link link)
    {
        var (left, right) = link.Left.Origin == Origin.Row ? (link.Left, link.Right) : (link.Right, link.Left);
        Touch(left);
        if (right.Origin == Origin.Row)
            Touch(right);
        else if (!_groups[left.Source].IsTable)
        {
            // Rows of the request compared with the request: nothing to look up.
            ListOf(_filters, left.Source).Add(new CompareExpression(BinaryOperator.Equal, left.Value.Expression, right.Value.Expression));
            return;
        }
        if (_links.Count >= MaxLinks)
            throw SqlProblem.Semantics(link.Span, $"The condition has more than {MaxLinks} comparisons between tables or with the request.");
        _links.Add((left, right, link));
        if (right.Origin == Origin.Row)
            _links.Add((right, left, link));
    }

    private void Touch(BoundTerm term) => Touch(term.Source, term.Each);

    private void Touch(int source, IEnumerable<EachSource> each)
    {
        _touched.Add(source);
        var used = ListOf(_each, source);
        used.AddRange(each.Where(call => !used.Contains(call)));
    }

    // A link between two sources of which neither leads to the primary table or the request selects nothing that anybody asked for.
    private void CheckRelations()
    {
        var related = new HashSet<int> { _primary.Id };
        related.UnionWith(_touched.Where(id => !_groups[id].IsTable));
        related.UnionWith(_links.Where(link => link.Other.Origin == Origin.Request).Select(link => link.Own.Source));
        var grows = true;
        while (grows)
            grows = _links.Any(link => link.Other.Origin == Origin.Row && related.Contains(link.Other.Source) && related.Add(link.Own.Source));
        foreach (var (own, other, link) in _links)
        {
            if (other.Origin == Origin.Row && !related.Contains(own.Source))
                throw link.Unsupported("Neither of these two tables is related to the selected table or to the request.");
            var areRequestRows = other.Origin == Origin.Row && !_groups[own.Source].IsTable && !_groups[other.Source].IsTable;
            if (areRequestRows)
                throw link.Unsupported("Two json_each() calls over the request cannot be compared with each other.");
        }
    }

    // Rows of the request come first. Then, again and again, the table with most keys known; among tables without any, the farthest from the primary.
    private List<int> Order()
    {
        var order = _touched.Where(id => id != _primary.Id && !_groups[id].IsTable).ToList();
        var remaining = _touched.Where(id => id != _primary.Id && _groups[id].IsTable).ToList();
        var distances = Distances();
        while (remaining.Count > 0)
        {
            var known = order.ToHashSet();
            var next = remaining
                .OrderByDescending(id => KnownLinks(id, known))
                .ThenByDescending(id => distances.GetValueOrDefault(id, int.MaxValue))
                .ThenBy(id => id)
                .First();
            remaining.Remove(next);
            order.Add(next);
        }
        return order;
    }

    private int KnownLinks(int id, HashSet<int> known) => _links.Count(link =>
        link.Own.Source == id && (link.Other.Origin == Origin.Request || known.Contains(link.Other.Source)));

    private Dictionary<int, int> Distances()
    {
        var distances = new Dictionary<int, int> { [_primary.Id] = 0 };
        var queue = new Queue<int>([_primary.Id]);
        while (queue.TryDequeue(out var id))
        {
            foreach (var (own, other, _) in _links)
            {
                if (own.Source == id && other.Origin == Origin.Row && distances.TryAdd(other.Source, distances[id] + 1))
                    queue.Enqueue(other.Source);
            }
        }
        return distances;
    }

    // What later sources and the primary table need of this one.
    private List<Expression> OutputsOf(int id, List<int> order)
    {
        var outputs = new List<Expression>();
        foreach (var (own, other, _) in _links)
        {
            var isNeeded = own.Source == id && other.Origin == Origin.Row
                && (other.Source == _primary.Id || order.IndexOf(other.Source) > order.IndexOf(id));
            if (isNeeded && !outputs.Exists(output => output.ToString() == own.ToString()))
                outputs.Add(own.Value.Expression);
        }
        return outputs;
    }

    private ResolutionSource SourceOf(
        SourceGroup group, List<int> order, Func<SourceGroup, RowMatch, IReadOnlyList<Expression>, LookupPlan> lookupOf)
    {
        var filters = _filters.GetValueOrDefault(group.Id, []);
        if (!group.IsTable)
            return new RequestRows(group.RequestRows!, filters, _outputs[group.Id]);
        var keys = new List<Expression>();
        var values = new List<ResolvedValue>();
        foreach (var (own, other, _) in _links)
        {
            var isKnown = own.Source == group.Id
                && (other.Origin == Origin.Request || (other.Source != _primary.Id && order.IndexOf(other.Source) < order.IndexOf(group.Id)));
            if (!isKnown)
                continue;
            keys.Add(own.Value.Expression);
            values.Add(ValueOf(other, order));
        }
        var match = new RowMatch(filters, _each.GetValueOrDefault(group.Id, []), keys, []);
        return new LookupRows(lookupOf(group, match, _outputs[group.Id]), values);
    }

    private ResolvedValue ValueOf(BoundTerm term, List<int> order)
    {
        if (term.Origin == Origin.Request)
            return ResolvedValue.OfRequest(term.Value.Expression);
        var output = _outputs[term.Source].FindIndex(expression => expression.ToString() == term.ToString());
        return new ResolvedValue(null, order.IndexOf(term.Source), output);
    }

    private void PlanPrimary(List<int> order)
    {
        var keys = new List<Expression>();
        foreach (var (own, other, _) in _links.Where(link => link.Own.Source == _primary.Id))
        {
            var position = keys.FindIndex(key => key.ToString() == own.ToString());
            if (position < 0)
            {
                position = keys.Count;
                keys.Add(own.Value.Expression);
                Keys.Add([]);
            }
            Keys[position].Add(ValueOf(other, order));
        }
        Match = new RowMatch(_filters.GetValueOrDefault(_primary.Id, []), _each.GetValueOrDefault(_primary.Id, []), keys, []);
    }

    private static List<T> ListOf<T>(Dictionary<int, List<T>> lists, int id)
    {
        if (!lists.TryGetValue(id, out var list))
            lists[id] = list = [];
        return list;
    }
}

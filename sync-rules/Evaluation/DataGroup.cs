using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Data queries of one table that give the same output, so that it is written once for all their buckets.</summary>
internal sealed class DataGroup
{
    private readonly byte[] _table;
    private readonly RowJsonWriter _writer;
    private readonly Query[] _queries;
    private readonly int _first;
    private readonly NameSet _names = new();

    private DataGroup(string table, RowJsonWriter writer, Query[] queries, int first)
    {
        _table = Encoding.UTF8.GetBytes(table);
        _writer = writer;
        _queries = queries;
        _first = first;
        FindAlone();
    }

    /// <summary>Binds the queries that read a table.</summary>
    // Queries are numbered group by group.
    public static DataGroup[] Bind(IEnumerable<DataPlan> plans, SourceTable source, BoundTable table, Func<BucketFamily, string> prefixOf)
    {
        var outputs = new List<(string Table, RowJsonWriter Writer, List<Query> Queries)>();
        var byDescription = new Dictionary<string, List<Query>>(StringComparer.Ordinal);
        foreach (var plan in plans)
        {
            var slots = table.SlotsOf(plan.Projection);
            var output = plan.OutputTable ?? source.Name;
            var description = $"{output}\n{string.Join('\n', slots.Select(slot => slot.Describe()))}\nkey {string.Join('\n', plan.Projection.Key)}\n{plan.Table.SuffixOf(source.Name)}";
            if (!byDescription.TryGetValue(description, out var queries))
            {
                byDescription[description] = queries = [];
                outputs.Add((output, new RowJsonWriter(slots, plan.Projection.Key), queries));
            }
            queries.Add(new Query(plan, table.PositionsOf(plan.Columns), TableFacts.Of(plan.Table, source), prefixOf));
        }
        var groups = new List<DataGroup>();
        foreach (var (output, writer, queries) in outputs)
            groups.Add(new DataGroup(output, writer, [.. queries], first: groups.Count == 0 ? 0 : groups[^1].End));
        return [.. groups];
    }

    /// <summary>Number of the first query of the next group.</summary>
    public int End => _first + _queries.Length;

    /// <summary>By number: what decides about a row, and where the query's columns are in the table.</summary>
    public IEnumerable<(IReadOnlyList<RowMatch> Matches, int[] Positions)> Matches => _queries.Select(query => query.Matches);

    // A name begins with its family. Where only one membership of the group names a family, and names one bucket for a row, no name can come twice.
    private void FindAlone()
    {
        var memberships = _queries.SelectMany(query => query.Memberships).ToList();
        foreach (var family in memberships.GroupBy(membership => membership.Family).Where(family => family.Count() == 1))
            family.Single().IsAlone = family.Single().Matcher.IsSingle;
    }

    /// <param name="context">The row.</param>
    /// <param name="candidates">Numbers of the queries that the row may match.</param>
    /// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
    /// <param name="sink">Receives the output.</param>
    public void Evaluate(EvaluationContext context, CandidateSet candidates, bool nullIsText, IRowSink sink)
    {
        _names.Clear();
        for (var number = candidates.Next(_first); number < End; number = candidates.Next(number + 1))
            AddNames(_queries[number - _first], context, nullIsText, sink);
        if (_names.Count > 0)
            Write(context, candidates, sink);
    }

    private void AddNames(Query query, EvaluationContext context, bool nullIsText, IRowSink sink)
    {
        var before = _names.Count;
        query.Enter(context);
        try
        {
            foreach (var membership in query.Memberships)
                membership.Matcher.Match(context, nullIsText, new NameSink(_names, membership));
        }
        catch (EvaluationException problem)
        {
            _names.Truncate(before);
            sink.Error(new RowError(RowErrorKind.Data, query.Definition, problem.Message));
        }
        query.IsInvolved = _names.Count > before;
    }

    private void Write(EvaluationContext context, CandidateSet candidates, IRowSink sink)
    {
        _queries[0].Enter(context);
        ReadOnlySpan<byte> id;
        try
        {
            id = _writer.Write(context);
        }
        catch (EvaluationException problem)
        {
            ReportInvolved(candidates, problem.Message, sink);
            return;
        }
        sink.Row(_table, id, _writer.Data);
        for (var index = 0; index < _names.Count; index++)
            sink.Bucket(_names[index]);
    }

    private void ReportInvolved(CandidateSet candidates, string message, IRowSink sink)
    {
        for (var number = candidates.Next(_first); number < End; number = candidates.Next(number + 1))
        {
            if (_queries[number - _first] is { IsInvolved: true } query)
                sink.Error(new RowError(RowErrorKind.Data, query.Definition, message));
        }
    }

    /// <summary>Writes bucket names into the set.</summary>
    private readonly struct NameSink(NameSet names, Membership membership) : IKeySink
    {
        public ByteBuffer Begin()
        {
            var name = names.Begin();
            name.Add(membership.Prefix);
            return name;
        }

        public void Commit(ByteBuffer written, EvaluationContext context)
        {
            written.Add((byte)']');
            names.Commit(membership.IsAlone);
        }
    }

    private sealed class Query(DataPlan plan, int[] positions, TableFacts facts, Func<BucketFamily, string> prefixOf)
    {
        public string Definition => plan.Definition.Name;

        /// <summary>The row at hand is in a bucket of this query; known of candidates only.</summary>
        public bool IsInvolved { get; set; }

        public (IReadOnlyList<RowMatch> Matches, int[] Positions) Matches => ([.. plan.Memberships.Select(membership => membership.Match)], positions);

        public Membership[] Memberships { get; } =
            [.. plan.Memberships.Select(membership => new Membership(membership.Family, new RowMatcher(membership.Match, positions), prefixOf(membership.Family)))];

        public void Enter(EvaluationContext context)
        {
            context.Positions = positions;
            context.Table = facts;
        }
    }

    private sealed class Membership(BucketFamily family, RowMatcher matcher, string prefix)
    {
        private readonly PaddedText _prefix = new(Encoding.UTF8.GetBytes(prefix + "["));

        public BucketFamily Family => family;

        public ref readonly PaddedText Prefix => ref _prefix;

        public RowMatcher Matcher => matcher;

        /// <summary>No other membership of the group can give the same name for a row, nor can this one twice.</summary>
        public bool IsAlone { get; set; }
    }
}

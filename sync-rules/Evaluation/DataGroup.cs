using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Data queries of one table that give the same output, so that it is written once for all their buckets.</summary>
internal sealed class DataGroup : IKeySink
{
    private readonly byte[] _table;
    private readonly OutputSlot[] _slots;
    private readonly OutputSlot? _id;
    private readonly OutputSlot?[] _key;
    private readonly List<Query> _queries = [];
    private readonly NameSet _names = new();
    private readonly ByteBuffer _data = new();
    private readonly ByteBuffer _rowId = new();
    private Membership? _membership; // at hand
    private int _first;

    private DataGroup(string table, OutputSlot[] slots, IReadOnlyList<string> key)
    {
        _table = Encoding.UTF8.GetBytes(table);
        _slots = slots;
        _id = Array.Find(slots, slot => slot.Name == "id");
        _key = [.. key.Select(name => Array.Find(slots, slot => slot.Name == name))];
    }

    /// <summary>Binds the queries that read a table.</summary>
    // Queries are numbered group by group.
    public static DataGroup[] Bind(IEnumerable<DataPlan> plans, SourceTable source, BoundTable table, Func<BucketFamily, string> prefixOf)
    {
        var groups = new List<DataGroup>();
        var byOutput = new Dictionary<string, DataGroup>(StringComparer.Ordinal);
        foreach (var plan in plans)
        {
            var slots = table.SlotsOf(plan.Projection);
            var output = plan.OutputTable ?? source.Name;
            var description = $"{output}\n{string.Join('\n', slots.Select(slot => slot.Describe()))}\nkey {string.Join('\n', plan.Projection.Key)}\n{plan.Table.SuffixOf(source.Name)}";
            if (!byOutput.TryGetValue(description, out var group))
            {
                byOutput[description] = group = new DataGroup(output, slots, plan.Projection.Key);
                groups.Add(group);
            }
            group._queries.Add(new Query(plan, table.PositionsOf(plan.Columns), TableFacts.Of(plan.Table, source), prefixOf));
        }
        var number = 0;
        foreach (var group in groups)
        {
            group.FindAlone();
            group._first = number;
            number += group._queries.Count;
        }
        return [.. groups];
    }

    /// <summary>Number of the first query of the next group.</summary>
    public int End => _first + _queries.Count;

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
        {
            var query = _queries[number - _first];
            var before = _names.Count;
            try
            {
                AddNames(query, context, nullIsText);
            }
            catch (EvaluationException problem)
            {
                _names.Truncate(before);
                sink.Error(new RowError(RowErrorKind.Data, query.Definition, problem.Message));
            }
            query.IsInvolved = _names.Count > before;
        }
        if (_names.Count > 0)
            Write(context, candidates, sink);
    }

    private void AddNames(Query query, EvaluationContext context, bool nullIsText)
    {
        query.Enter(context);
        foreach (var membership in query.Memberships)
        {
            _membership = membership;
            membership.Matcher.Match(context, nullIsText, this);
        }
    }

    ByteBuffer IKeySink.Begin()
    {
        var name = _names.Begin();
        name.Add(_membership!.Prefix);
        return name;
    }

    void IKeySink.Commit(ByteBuffer name, EvaluationContext context)
    {
        name.Add((byte)']');
        _names.Commit(_membership!.IsAlone);
    }

    private void Write(EvaluationContext context, CandidateSet candidates, IRowSink sink)
    {
        _queries[0].Enter(context);
        ReadOnlySpan<byte> id;
        try
        {
            if (_key.Length > 0)
                WriteKey(context);
            WriteData(context);
            id = _key.Length > 0 ? _rowId.Written : Id(context);
        }
        catch (EvaluationException problem)
        {
            for (var number = candidates.Next(_first); number < End; number = candidates.Next(number + 1))
            {
                if (_queries[number - _first] is { IsInvolved: true } query)
                    sink.Error(new RowError(RowErrorKind.Data, query.Definition, problem.Message));
            }
            return;
        }
        sink.Row(_table, id, _data.Written);
        for (var index = 0; index < _names.Count; index++)
            sink.Bucket(_names[index]);
    }

    // Every member begins with a comma; the first one's becomes the brace.
    private void WriteData(EvaluationContext context)
    {
        _data.Clear();
        var source = context.SourceValues;
        foreach (var slot in _slots)
        {
            if (slot == _id && _key.Length > 0)
                WriteRowId(slot);
            else if ((uint)slot.PassedColumn >= (uint)source.Length || !TryPass(slot, source[slot.PassedColumn], context.Time))
                WriteMember(slot, slot.Read(context));
        }
        if (_data.Length == 0)
            _data.Add((byte)'{');
        else
            _data[0] = (byte)'{';
        _data.Add((byte)'}');
    }

    // Most values go from the source's bytes to JSON without becoming a value in between.
    private bool TryPass(OutputSlot slot, in SourceValue value, in PostgresTime time)
    {
        if (value.Kind != SourceValueKind.Text)
            return false;
        var text = value.Text.Span;
        var room = _data.GetSpan(slot.Prefix.Room + text.Length + PostgresTime.MaxJsonLength);
        slot.Prefix.CopyTo(room);
        room = room[slot.Prefix.Length..];
        var length = slot.Form switch
        {
            PostgresForm.Text => JsonText.TryWriteUnescaped(room, text),
            PostgresForm.Boolean => WriteBoolean(room, text),
            PostgresForm.Integer => TryWriteInteger(room, text),
            PostgresForm.Timestamp => time.TryWriteJson(room, text, hasZone: false),
            PostgresForm.TimestampTz => time.TryWriteJson(room, text, hasZone: true),
            _ => -1,
        };
        if (length < 0)
            return false;
        _data.Advance(slot.Prefix.Length + length);
        return true;
    }

    private static int WriteBoolean(Span<byte> room, ReadOnlySpan<byte> text)
    {
        room[0] = (byte)(text is [(byte)'t', ..] ? '1' : '0');
        return 1;
    }

    // The text was read before, so it is an integer; without sign and leading zeros it is written as it stands.
    private static int TryWriteInteger(Span<byte> room, ReadOnlySpan<byte> text)
    {
        if (text is not ([(byte)'0'] or [>= (byte)'1' and <= (byte)'9', ..]))
            return -1;
        text.CopyTo(room);
        return text.Length;
    }

    private void WriteMember(OutputSlot slot, in SqlValue value)
    {
        if (value.Kind == SqlKind.Blob)
            return;
        _data.Add(slot.Prefix);
        JsonText.WriteValue(_data, value);
    }

    // A row without id is not refused: all such rows share the empty one.
    private ReadOnlySpan<byte> Id(EvaluationContext context)
    {
        if (_id is null)
            return [];
        if (context.TryGetSourceText(_id.PassedColumn, out var text))
            return text;
        var value = _id.Read(context);
        return value.IsNull ? [] : SqlCast.TextOf(value, context.Scratch).Span;
    }

    // One column: its text, as with the column id. Several: a JSON array of the values in the form that they have in bucket names, so that
    // no two rows share an id and a client can take it apart.
    private void WriteKey(EvaluationContext context)
    {
        _rowId.Clear();
        if (_key.Length > 1)
            _rowId.Add((byte)'[');
        for (var index = 0; index < _key.Length; index++)
        {
            var value = _key[index]?.Read(context) ?? SqlValue.Null;
            if (index > 0)
                _rowId.Add((byte)',');
            var isUsable = !value.IsNull && value.Kind != SqlKind.Blob;
            if (isUsable && _key.Length == 1)
                _rowId.Add(SqlCast.TextOf(value, context.Scratch).Span);
            else if (!isUsable || !JsonText.WriteKey(_rowId, value))
                throw new EvaluationException("A column of the key has no value that can be part of an id.");
        }
        if (_key.Length > 1)
            _rowId.Add((byte)']');
    }

    // A client knows a row by one id, so the column of that name shows the composed one.
    private void WriteRowId(OutputSlot slot)
    {
        _data.Add(slot.Prefix);
        JsonText.WriteString(_data, _rowId.Written);
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
        public BucketFamily Family => family;

        public PaddedText Prefix { get; } = new(Encoding.UTF8.GetBytes(prefix + "["));

        public RowMatcher Matcher => matcher;

        /// <summary>No other membership of the group can give the same name for a row, nor can this one twice.</summary>
        public bool IsAlone { get; set; }
    }
}

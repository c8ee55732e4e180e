using System.Buffers;
using System.Buffers.Binary;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Every table definition that stored rows refer to, numbered in the order in which they appeared.</summary>
internal sealed partial class TableCatalog(LogRules rules, RefreshRecord refresh)
{
    private const int KnownLimit = 1024; // definitions seen as objects; the source makes new objects when it reconnects

    private const int KeyMark = 1;
    private const int TypeMark = 2; // its description follows

    private readonly List<(SourceTable Table, int Number)> _layouts = []; // layout n is at n − 1
    private readonly Dictionary<SourceTable, TableBinding> _known = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<int, TableBinding> _byLayout = [];
    private readonly Dictionary<int, TableBinding> _stored = []; // by layout, of definitions that nothing comes under any more

    /// <summary>The definition of a layout that a stored image names.</summary>
    public SourceTable Layout(int layout)
    {
        if (layout < 1 || layout > _layouts.Count)
            Throw.DamagedRecord();
        return _layouts[layout - 1].Table;
    }

    /// <summary>The binding of a definition that a stored image names.</summary>
    public TableBinding BindingOf(int layout)
    {
        var table = Layout(layout);
        if (_byLayout.TryGetValue(layout, out var binding) || _stored.TryGetValue(layout, out binding))
            return binding;
        binding = new TableBinding(table, Evaluator(table), _layouts[layout - 1].Number, layout, isLive: false, stage: null);
        _stored.Add(layout, binding);
        return binding;
    }

    /// <summary>Number of columns in the key of a table's live rows.</summary>
    public int KeyColumnCount(int number) => TableBinding.KeyColumnsOf(Layout(LiveLayoutOf(number))).Length;

    /// <summary>Finds or makes the binding of a definition.</summary>
    /// <param name="table">The definition.</param>
    /// <param name="added">Receives the record of a definition that is new.</param>
    public TableBinding Bind(SourceTable table, RecordChanges added) => _known.TryGetValue(table, out var binding) ? binding : BindNew(table, added);

    private TableBinding BindNew(SourceTable table, RecordChanges added)
    {
        var evaluator = Evaluator(table);
        if (!evaluator.IsUsed)
            return Remember(table, TableBinding.Ignored(table, evaluator)); // no row of it is ever stored

        var stage = refresh.Find(table.RelationId);
        var number = stage?.Number ?? LiveNumberOf(table.RelationId);
        if (number == 0)
            number = NextNumber();
        var live = LiveLayoutOf(number);
        var isLive = stage is not { IsLive: false } && (live == 0 || CanJoin(Layout(live), table));
        if (!isLive && stage is not { IsLive: false })
            NoteOutdated(table.RelationId, added);
        if (stage is null && !isLive)
            return Remember(table, TableBinding.Ignored(table, evaluator)); // it is going to be read again

        var layout = _layouts.FindIndex(known => known.Number == number && IsSame(known.Table, table)) + 1;
        if (layout == 0)
        {
            _layouts.Add((table, number));
            layout = _layouts.Count;
            added.Put(RecordTable.Relation, Key(layout), Value(number, table));
        }
        if (!_byLayout.TryGetValue(layout, out var binding))
        {
            binding = new TableBinding(table, evaluator, number, layout, isLive, stage);
            _byLayout.Add(layout, binding);
        }
        return Remember(table, binding);
    }

    /// <summary>The rules are others now, or about to be.</summary>
    public void RulesChanged() => Rebind();

    /// <summary>Numbers of the tables whose stored rows these rules read, ascending.</summary>
    public IReadOnlyList<int> NumbersOf(RuleSet other) =>
        [.. Newest().Where(table => other.ForTable(table.Value.Table).IsUsed).Select(table => table.Key).Order()];

    /// <summary>Binds what is added to the rules to the newest definition of a table.</summary>
    public AddedTable Added(int number)
    {
        var (table, layout) = Newest()[number];
        return new AddedTable(table, layout, TableBinding.KeyColumnsOf(table), rules.Added!.ForTable(table));
    }

    /// <summary>Takes in a stored definition; records come in the order of their layouts.</summary>
    public void Load(StoredRecord record)
    {
        var reader = new RecordReader(record.Value.Span);
        var number = reader.ReadCount();
        var relationId = (uint)reader.ReadVarint();
        var schema = reader.ReadText();
        var name = reader.ReadText();
        var identity = (ReplicaIdentity)reader.ReadByte();
        var columns = new SourceColumn[reader.ReadCount()];
        for (var index = 0; index < columns.Length; index++)
        {
            var column = new SourceColumn(reader.ReadText(), (uint)reader.ReadVarint(), (int)(uint)reader.ReadVarint(), IsKey: false);
            var marks = reader.ReadByte();
            columns[index] = column with
            {
                IsKey = (marks & KeyMark) != 0,
                Type = (marks & TypeMark) != 0 ? SourceTypeRecord.Read(ref reader) : null,
            };
        }
        _layouts.Add((new SourceTable(relationId, schema, name, columns, identity), number));
        if (BinaryPrimitives.ReadUInt32BigEndian(record.Key.Span) != (uint)_layouts.Count)
            Throw.DamagedRecord();
    }

    public void Clear()
    {
        _layouts.Clear();
        Rebind();
    }

    /// <summary>Makes every definition be bound anew, because what is done with its rows changed.</summary>
    private void Rebind()
    {
        _known.Clear();
        _byLayout.Clear();
        _stored.Clear();
    }

    private TableEvaluator Evaluator(SourceTable table)
    {
        var active = rules.Active.Rules.ForTable(table);
        if (rules.Added?.ForTable(table) is not { IsUsed: true } added)
            return active;
        return active.IsUsed ? new UnitedEvaluator(active, added) : added;
    }

    private Dictionary<int, (SourceTable Table, int Layout)> Newest()
    {
        var newest = new Dictionary<int, (SourceTable Table, int Layout)>();
        foreach (var (index, (table, number)) in _layouts.Index())
            newest[number] = (table, index + 1);
        return newest;
    }

    private TableBinding Remember(SourceTable table, TableBinding binding)
    {
        if (_known.Count == KnownLimit)
            _known.Clear();
        _known.Add(table, binding);
        return binding;
    }

    /// <summary>The number of a table's live rows; 0 when there are none.</summary>
    private int LiveNumberOf(uint relationId)
    {
        if (refresh.LiveNumbers.TryGetValue(relationId, out var number))
            return number;
        foreach (var (known, first) in _layouts)
        {
            if (known.RelationId == relationId)
                return first;
        }
        return 0;
    }

    /// <summary>The definition by whose key the live rows of a number are told apart; 0 when there is none.</summary>
    private int LiveLayoutOf(int number) => refresh.LiveLayouts.TryGetValue(number, out var layout)
        ? layout
        : _layouts.FindIndex(known => known.Number == number) + 1;

    private int NextNumber()
    {
        var last = 0;
        foreach (var (_, number) in _layouts)
            last = Math.Max(last, number);
        foreach (var stage in refresh.Stages)
            last = Math.Max(last, stage.Number);
        return last + 1;
    }

    /// <summary>Whether rows of a definition are told apart as those of an earlier one of the same table are, and go by the same name.</summary>
    private static bool CanJoin(SourceTable live, SourceTable table) =>
        live.RelationId == table.RelationId && live.Schema == table.Schema && live.Name == table.Name && HasSameKey(live, table);

    private static bool HasSameKey(SourceTable known, SourceTable table)
    {
        var knownKey = TableBinding.KeyColumnsOf(known);
        var key = TableBinding.KeyColumnsOf(table);
        if (knownKey.Length != key.Length)
            return false;
        for (var index = 0; index < key.Length; index++)
        {
            var (left, right) = (known.Columns[knownKey[index]], table.Columns[key[index]]);
            if (left.Name != right.Name || left.TypeId != right.TypeId)
                return false;
        }
        return true;
    }

    private static bool IsSame(SourceTable left, SourceTable right)
    {
        if (left.RelationId != right.RelationId || left.Schema != right.Schema || left.Name != right.Name
            || left.Identity != right.Identity || left.Columns.Count != right.Columns.Count)
            return false;
        for (var index = 0; index < left.Columns.Count; index++)
        {
            if (left.Columns[index] != right.Columns[index])
                return false;
        }
        return true;
    }

    private static byte[] Key(int layout)
    {
        var key = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(key, (uint)layout);
        return key;
    }

    private static ReadOnlySpan<byte> Value(int number, SourceTable table)
    {
        var output = new ArrayBufferWriter<byte>();
        output.WriteVarint((ulong)number);
        output.WriteVarint(table.RelationId);
        output.WriteText(table.Schema);
        output.WriteText(table.Name);
        output.WriteByte((byte)table.Identity);
        output.WriteVarint((ulong)table.Columns.Count);
        foreach (var column in table.Columns)
        {
            output.WriteText(column.Name);
            output.WriteVarint(column.TypeId);
            output.WriteVarint((uint)column.TypeModifier);
            output.WriteByte((byte)((column.IsKey ? KeyMark : 0) | (column.Type is null ? 0 : TypeMark)));
            if (column.Type is not null)
                SourceTypeRecord.Write(output, column.Type);
        }
        return output.WrittenSpan;
    }
}

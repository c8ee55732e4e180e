using System.Buffers;
using System.Buffers.Binary;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Every table definition that stored rows refer to, numbered in the order in which they appeared.</summary>
internal sealed class TableCatalog(LogRules rules)
{
    private const int KnownLimit = 1024; // definitions seen as objects; the source makes new objects when it reconnects

    private const int KeyMark = 1;
    private const int TypeMark = 2; // its description follows
    private const byte RetiredMark = 0x80; // beside the identity: no row refers to this layout any more, or will again

    private readonly List<(SourceTable Table, int Number)> _layouts = []; // layout n is at n − 1
    private readonly HashSet<int> _retired = []; // table numbers
    private readonly Dictionary<SourceTable, TableBinding> _known = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<int, TableBinding> _byLayout = [];

    /// <summary>The definition of a layout that a stored image names.</summary>
    public SourceTable Layout(int layout)
    {
        if (layout < 1 || layout > _layouts.Count)
            Throw.DamagedRecord();
        return _layouts[layout - 1].Table;
    }

    /// <summary>Number of key columns of a table.</summary>
    public int KeyColumnCount(int number)
    {
        foreach (var (table, known) in _layouts)
        {
            if (known == number)
                return TableBinding.KeyColumnsOf(table).Length;
        }
        Throw.DamagedRecord();
        return 0;
    }

    /// <summary>Finds or makes the binding of a definition.</summary>
    /// <param name="table">The definition.</param>
    /// <param name="added">Receives the record of a definition that is new.</param>
    /// <param name="replaced">Number of the table whose place it took, when one of that name was dropped; otherwise 0.</param>
    /// <exception cref="RowKeyChangedException">Stored rows of this table have another key.</exception>
    public TableBinding Bind(SourceTable table, RecordChanges added, out int replaced)
    {
        replaced = 0;
        if (_known.TryGetValue(table, out var binding))
            return binding;

        var evaluator = Evaluator(table);
        if (!evaluator.IsUsed)
            return Remember(table, new TableBinding(table, evaluator, number: 0, layout: 0)); // no row of it is ever stored

        var layout = _layouts.FindIndex(known => !_retired.Contains(known.Number) && IsSame(known.Table, table)) + 1;
        if (layout == 0)
        {
            var number = NumberOf(table, out replaced);
            _layouts.Add((table, number));
            layout = _layouts.Count;
            added.Put(RecordTable.Relation, Key(layout), Value(number, table, isRetired: false));
        }
        if (!_byLayout.TryGetValue(layout, out binding))
        {
            binding = new TableBinding(table, evaluator, _layouts[layout - 1].Number, layout);
            _byLayout.Add(layout, binding);
        }
        return Remember(table, binding);
    }

    /// <summary>The rules are others now, or about to be.</summary>
    public void RulesChanged()
    {
        _known.Clear();
        _byLayout.Clear();
    }

    /// <summary>Numbers of the tables whose stored rows these rules read, ascending.</summary>
    public IReadOnlyList<int> NumbersOf(RuleSet other) =>
        [.. Newest().Where(table => other.ForTable(table.Value.Table).IsUsed).Select(table => table.Key).Order()];

    /// <summary>Binds what is added to the rules to the newest definition of a table.</summary>
    public AddedTable Added(int number)
    {
        var (table, layout) = Newest()[number];
        return new AddedTable(table, layout, TableBinding.KeyColumnsOf(table).Length, rules.Added!.ForTable(table));
    }

    /// <summary>Gives up the tables that no rule reads any more: their rows go stale. Should one be read again, it gets another number.</summary>
    public void RetireUnused(RecordChanges changed)
    {
        var unused = Newest().Where(table => !Evaluator(table.Value.Table).IsUsed).Select(table => table.Key).ToHashSet();
        foreach (var (layout, (table, number)) in _layouts.Index())
        {
            if (unused.Contains(number))
                changed.Put(RecordTable.Relation, Key(layout + 1), Value(number, table, isRetired: true));
        }
        _retired.UnionWith(unused);
        RulesChanged();
    }

    /// <summary>Tables of which stored rows may be left although nobody reads them.</summary>
    public IReadOnlyCollection<int> Retired => _retired;

    /// <summary>Takes in a stored definition; records come in the order of their layouts.</summary>
    public void Load(StoredRecord record)
    {
        var reader = new RecordReader(record.Value.Span);
        var number = reader.ReadCount();
        var relationId = (uint)reader.ReadVarint();
        var schema = reader.ReadText();
        var name = reader.ReadText();
        var identity = reader.ReadByte();
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
        _layouts.Add((new SourceTable(relationId, schema, name, columns, (ReplicaIdentity)(identity & ~RetiredMark)), number));
        if ((identity & RetiredMark) != 0)
            _retired.Add(number);
        if (BinaryPrimitives.ReadUInt32BigEndian(record.Key.Span) != (uint)_layouts.Count)
            Throw.DamagedRecord();
    }

    public void Clear()
    {
        _layouts.Clear();
        _retired.Clear();
        RulesChanged();
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
        {
            if (!_retired.Contains(number))
                newest[number] = (table, index + 1);
        }
        return newest;
    }

    private TableBinding Remember(SourceTable table, TableBinding binding)
    {
        if (_known.Count == KnownLimit)
            _known.Clear();
        _known.Add(table, binding);
        return binding;
    }

    private int NumberOf(SourceTable table, out int replaced)
    {
        replaced = 0;
        var last = 0;
        foreach (var (known, number) in _layouts)
        {
            last = Math.Max(last, number);
            if (known.RelationId != table.RelationId || _retired.Contains(number))
                continue;
            if (!HasSameKey(known, table))
                throw new RowKeyChangedException($"{table.Schema}.{table.Name}");
            return number;
        }
        foreach (var (known, number) in _layouts)
        {
            if (known.Schema == table.Schema && known.Name == table.Name && !_retired.Contains(number))
                replaced = number;
        }
        return last + 1;
    }

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

    private static ReadOnlySpan<byte> Value(int number, SourceTable table, bool isRetired)
    {
        var output = new ArrayBufferWriter<byte>();
        output.WriteVarint((ulong)number);
        output.WriteVarint(table.RelationId);
        output.WriteText(table.Schema);
        output.WriteText(table.Name);
        output.WriteByte((byte)((byte)table.Identity | (isRetired ? RetiredMark : 0)));
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

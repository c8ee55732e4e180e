using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A source transaction written down in a test. In values, null is SQL null and <see cref="Unchanged"/> a value not sent.</summary>
internal sealed class ScriptedTransaction(ulong position, params ScriptedTransaction.Change[] changes) : SourceTransaction
{
    public const string Unchanged = "\u0001unchanged";

    public override Lsn EndPosition { get; } = new(position);

    public override long CommitTimeMicroseconds => 0;

    public override long ByteCount => changes.Length * 100L;

    public override IReadOnlyList<WriteCheckpointMarker> Markers { get; } = [];

    public ScriptedTransaction(ulong position, WriteCheckpointMarker[] markers, params Change[] changes)
        : this(position, changes) => Markers = markers;

    public override RowChangeReader ReadChanges() => new Reader(changes);

    public static Change Insert(SourceTable table, params string?[] row) => new(RowChangeKind.Insert, table, row, null, []);

    public static Change Update(SourceTable table, params string?[] row) => new(RowChangeKind.Update, table, row, null, []);

    public static Change UpdateKey(SourceTable table, string?[] old, params string?[] row) => new(RowChangeKind.Update, table, row, old, []);

    public static Change Delete(SourceTable table, params string?[] old) => new(RowChangeKind.Delete, table, null, old, []);

    public static Change Truncate(params SourceTable[] tables) => new(RowChangeKind.Truncate, null, null, null, tables);

    public static void Fill(SourceRow target, string?[]? values, int columns)
    {
        target.Reset(values is null ? 0 : columns);
        for (var column = 0; values is not null && column < values.Length; column++)
        {
            target[column] = values[column] switch
            {
                null => SourceValue.Null,
                Unchanged => new SourceValue(SourceValueKind.Unchanged, default),
                var text => new SourceValue(SourceValueKind.Text, Encoding.UTF8.GetBytes(text)),
            };
        }
    }

    internal sealed record Change(
        RowChangeKind Kind, SourceTable? Table, string?[]? New, string?[]? Old, IReadOnlyList<SourceTable> Truncated);

    private sealed class Reader(Change[] changes) : RowChangeReader
    {
        private readonly SourceRow _new = new();
        private readonly SourceRow _old = new();
        private int _index = -1;
        private int _marked = -1;

        public override void Mark() => _marked = _index;

        public override void Return() => _index = _marked;

        public override int ByteCount => 100;

        public override RowChangeKind Kind => changes[_index].Kind;

        public override SourceTable Table => changes[_index].Table!;

        public override SourceRow New => _new;

        public override SourceRow Old => _old;

        public override IReadOnlyList<SourceTable> Truncated => changes[_index].Truncated;

        public override bool Read()
        {
            if (++_index >= changes.Length)
                return false;
            var columns = changes[_index].Table?.Columns.Count ?? 0;
            Fill(_new, changes[_index].New, columns);
            Fill(_old, changes[_index].Old, columns);
            return true;
        }
    }
}

using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Rules;

namespace TopGun.Buckets.Tests.Benchmarks.Log;

/// <summary>A source transaction whose rows lie ready, so that reading them costs nothing.</summary>
internal sealed class RowsTransaction(ulong position, RowChangeKind kind, ArraySegment<SourceRow> rows) : SourceTransaction
{
    private static readonly SourceRow NoRow = new();

    public override Lsn EndPosition => new(position);

    public override long CommitTimeMicroseconds => 0;

    public override long ByteCount => 300L * rows.Count;

    public override IReadOnlyList<WriteCheckpointMarker> Markers => [];

    public override RowChangeReader ReadChanges() => new Reader(kind, rows);

    private sealed class Reader(RowChangeKind kind, ArraySegment<SourceRow> rows) : RowChangeReader
    {
        private int _index = -1;
        private int _marked = -1;

        public override void Mark() => _marked = _index;

        public override void Return() => _index = _marked;

        public override int ByteCount => 300;

        public override RowChangeKind Kind => kind;

        public override SourceTable Table => TaskRows.Table;

        public override SourceRow New => rows[_index];

        public override SourceRow Old => NoRow;

        public override IReadOnlyList<SourceTable> Truncated => [];

        public override bool Read() => ++_index < rows.Count;
    }
}

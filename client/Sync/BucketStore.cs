using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>The buckets of the device and the operations they hold.</summary>
/// <remarks>
/// Works inside the caller's transaction on the writing connection. What is kept in memory runs ahead of the commit: after a failed
/// transaction the caller calls <see cref="Load"/>.
/// </remarks>
internal sealed class BucketStore
{
    private readonly Dictionary<string, LocalBucket> _buckets = new(StringComparer.Ordinal);
    private readonly List<LocalBucket> _changed = [];
    private readonly TypeNames _types = new();
    private OpStatements? _statements;
    private BulkState _bulk;

    public IReadOnlyCollection<LocalBucket> Buckets => _buckets.Values;

    public LocalBucket? Find(string name) => _buckets.GetValueOrDefault(name);

    public void Load(Database database)
    {
        _statements ??= new OpStatements(database);
        _buckets.Clear();
        _changed.Clear();
        _types.Load(database);
        _bulk = BulkDownload.State(database);
        var statement = database.Prepare(
            "SELECT id, name, received_op, published_op, ever_published, sum_live, sum_gone, count_at_last, count_since_last, bytes, priority "
            + "FROM tg_bucket ORDER BY id");
        while (statement.Step())
        {
            var bucket = new LocalBucket(statement.Int64(0), statement.Text(1)!)
            {
                Received = new OpId((ulong)statement.Int64(2)),
                Published = new OpId((ulong)statement.Int64(3)),
                EverPublished = statement.Int64(4) != 0,
                SumLive = (uint)statement.Int64(5),
                SumGone = (uint)statement.Int64(6),
                CountAtLast = statement.Int64(7),
                CountSinceLast = statement.Int64(8),
                Bytes = statement.Int64(9),
                Priority = (int)statement.Int64(10),
            };
            _buckets.Add(bucket.Name, bucket);
        }
    }

    /// <summary>From now on only appends, when nothing was ever downloaded.</summary>
    public void StartBulk(Database database)
    {
        if (_bulk != BulkState.Settled || !BulkDownload.IsPossible(database))
            return;
        BulkDownload.Start(database);
        _bulk = BulkState.Appending;
    }

    /// <summary>Brings what was appended into the usual form; must precede whatever looks at single operations.</summary>
    public void Settle(Database database)
    {
        if (_bulk == BulkState.Settled)
            return;
        if (BulkDownload.Settle(database, _bulk) is { } live)
        {
            foreach (var bucket in _buckets.Values)
            {
                var total = bucket.Checksum;
                bucket.SumLive = live.GetValueOrDefault(bucket.Id);
                bucket.SumGone = total - bucket.SumLive;
                Touch(bucket);
            }
        }
        _bulk = BulkState.Settled;
    }

    public LocalBucket GetOrCreate(Database database, string name, int priority)
    {
        if (_buckets.TryGetValue(name, out var bucket))
            return bucket;
        var id = database.Prepare("INSERT INTO tg_bucket(name, priority) VALUES(?, ?) RETURNING id").Bind(1, name).Bind(2, priority).RunInt64()!.Value;
        bucket = new LocalBucket(id, name) { Priority = priority };
        _buckets.Add(name, bucket);
        return bucket;
    }

    /// <summary>Drops a bucket. Its rows stay visible until the next publish decides about them.</summary>
    public void Remove(Database database, LocalBucket bucket)
    {
        DropOperations(database, bucket);
        database.Prepare("DELETE FROM tg_bucket WHERE id = ?").Bind(1, bucket.Id).Run();
        _buckets.Remove(bucket.Name);
        if (bucket.Changed)
            _changed.Remove(bucket);
    }

    public void Touch(LocalBucket bucket)
    {
        if (bucket.Changed)
            return;
        bucket.Changed = true;
        _changed.Add(bucket);
    }

    /// <summary>Writes the rows of the buckets that were touched.</summary>
    public void Save(Database database)
    {
        var statement = database.Prepare(
            "UPDATE tg_bucket SET received_op = ?2, published_op = ?3, ever_published = ?4, sum_live = ?5, sum_gone = ?6, "
            + "count_at_last = ?7, count_since_last = ?8, bytes = ?9, priority = ?10 WHERE id = ?1");
        foreach (var bucket in _changed)
        {
            statement.Bind(1, bucket.Id).Bind(2, (long)bucket.Received.Value).Bind(3, (long)bucket.Published.Value)
                .Bind(4, bucket.EverPublished ? 1L : 0L).Bind(5, bucket.SumLive).Bind(6, bucket.SumGone)
                .Bind(7, bucket.CountAtLast).Bind(8, bucket.CountSinceLast).Bind(9, bucket.Bytes).Bind(10, bucket.Priority).Run();
            bucket.Changed = false;
        }
        _changed.Clear();
    }

    /// <summary>Applies a <c>data</c> line to its bucket.</summary>
    /// <returns>Operations that were new.</returns>
    public int Receive(Database database, ReadOnlySpan<byte> line, CheckpointTarget target)
    {
        using var reader = new DataLineReader(line);
        var bucket = GetOrCreate(database, reader.Bucket, target.Find(reader.Bucket)?.Priority ?? 3);
        var received = 0;
        while (reader.Read(out var op))
        {
            // Counting an operation twice would break the checksum for good; the service should not repeat, but networks and bugs do.
            if (op.OpId <= bucket.Received)
                continue;
            Receive(database, bucket, op);
            bucket.Received = op.OpId;
            received++;
        }
        if (received > 0)
        {
            bucket.CountSinceLast += received;
            bucket.Bytes += line.Length;
            bucket.BytesSinceLast += line.Length;
            Touch(bucket);
        }
        return received;
    }

    private void Receive(Database database, LocalBucket bucket, in DataOp op)
    {
        switch (op.Kind)
        {
            case OpKind.Put when op.Type.IsEmpty || op.Id.IsEmpty:
                bucket.SumLive += op.Checksum; // nothing to show, but it counts
                break;
            case OpKind.Put or OpKind.Remove when _bulk != BulkState.Settled:
                Append(database, bucket, op);
                break;
            case OpKind.Put:
                Put(database, bucket, op);
                break;
            case OpKind.Remove:
                if (!op.Type.IsEmpty && !op.Id.IsEmpty)
                    RemoveRow(database, bucket, op);
                bucket.SumGone += op.Checksum;
                break;
            case OpKind.Move:
                bucket.SumGone += op.Checksum;
                break;
            case OpKind.Clear:
                DropOperations(database, bucket);
                bucket.SumGone = op.Checksum;
                bucket.SumLive = 0;
                break;
        }
    }

    private void Append(Database database, LocalBucket bucket, in DataOp op)
    {
        bucket.SumLive += op.Checksum;
        if (op.Type.IsEmpty || op.Id.IsEmpty)
            return;
        var statement = Statements.Append.Bind(1, bucket.Id).Bind(2, (long)op.OpId.Value).Bind(3, _types.IdOf(database, op.Type))
            .Bind(4, op.Id).Bind(5, op.Subkey).Bind(6, op.Checksum);
        if (op.Kind == OpKind.Put)
        {
            statement.Bind(7, op.Data).Run();
            return;
        }
        statement.BindNull(7).Run();
        if (_bulk == BulkState.AppendingRemovals)
            return;
        _bulk = BulkState.AppendingRemovals;
        BulkDownload.NoteRemoval(database);
    }

    private void Put(Database database, LocalBucket bucket, in DataOp op)
    {
        var type = _types.IdOf(database, op.Type);
        bucket.SumLive += op.Checksum;

        // In a bucket that is downloaded for the first time nearly every row is new: inserting finds that out by itself.
        if (!bucket.EverPublished && Insert(database, bucket, op, type))
            return;
        if (Find(bucket, op, type) is not { } old)
        {
            Insert(database, bucket, op, type);
            return;
        }
        bucket.SumGone += old.Hash;
        bucket.SumLive -= old.Hash;
        Statements.Replace.Bind(1, old.RowId).Bind(2, (long)op.OpId.Value).Bind(3, op.Checksum).Bind(4, op.Data).Run();
    }

    private OpStatements Statements => _statements ?? throw new InvalidOperationException("The buckets have not been loaded.");

    private bool Insert(Database database, LocalBucket bucket, in DataOp op, long type)
    {
        Statements.Insert.Bind(1, bucket.Id).Bind(2, (long)op.OpId.Value).Bind(3, type).Bind(4, op.Id).Bind(5, op.Subkey)
            .Bind(6, op.Checksum).Bind(7, op.Data).Run();
        return database.Changes > 0;
    }

    private void RemoveRow(Database database, LocalBucket bucket, in DataOp op)
    {
        var type = _types.IdOf(database, op.Type);
        if (Find(bucket, op, type) is not { } old)
            return;
        Statements.Delete.Bind(1, old.RowId).Run();
        bucket.SumGone += old.Hash;
        bucket.SumLive -= old.Hash;
        if (bucket.EverPublished)
        {
            Statements.MarkDirty.Bind(1, type).Bind(2, op.Id).Run();
        }
    }

    private (long RowId, uint Hash)? Find(LocalBucket bucket, in DataOp op, long type)
    {
        var statement = Statements.Find.Bind(1, op.Id).Bind(2, type).Bind(3, bucket.Id).Bind(4, op.Subkey);
        if (!statement.Step())
            return null;
        var found = (statement.Int64(0), (uint)statement.Int64(1));
        statement.Reset();
        return found;
    }

    private static void DropOperations(Database database, LocalBucket bucket)
    {
        if (bucket.Received == OpId.None)
            return; // a log that begins with a CLEAR
        database.Prepare("INSERT INTO tg_dirty(type, row_id, why) SELECT type, row_id, 1 FROM tg_op WHERE bucket = ? ON CONFLICT DO NOTHING")
            .Bind(1, bucket.Id).Run();
        database.Prepare("DELETE FROM tg_op WHERE bucket = ?").Bind(1, bucket.Id).Run();
    }
}

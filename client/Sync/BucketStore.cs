using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>The buckets of the device and the operations they hold.</summary>
/// <remarks>
/// Works inside the caller's transaction on the writing connection. What is kept in memory runs ahead of the commit: after a failed
/// transaction the caller calls <see cref="Load"/>.
/// </remarks>
internal sealed class BucketStore(RowTables tables, BulkLimits bulk)
{
    private readonly Dictionary<string, LocalBucket> _buckets = new(StringComparer.Ordinal);
    private readonly List<LocalBucket> _changed = [];
    private readonly TypeNames _types = new();
    private OpStatements? _statements;
    private BulkState _bulk;
    private RunWriter? _runs;
    private BulkMerge? _merge;

    public IReadOnlyCollection<LocalBucket> Buckets => _buckets.Values;

    /// <summary>Whether the first download puts batches away, which have to be merged before anything looks at single operations.</summary>
    public bool IsCollecting => _bulk == BulkState.Collecting;

    /// <summary>Whether they are being merged; nothing else may be done before that has ended.</summary>
    public bool IsMerging => _bulk is BulkState.MergingPlain or BulkState.MergingStaged;

    /// <summary>Whether all rows are where nobody sees them yet.</summary>
    public bool IsStaged => _bulk == BulkState.Staged;

    public LocalBucket? Find(string name) => _buckets.GetValueOrDefault(name);

    public void Load(Database database)
    {
        _statements ??= new OpStatements(database);
        _buckets.Clear();
        _changed.Clear();
        _types.Load(database);
        _bulk = BulkDownload.State(database);
        (_runs, _merge) = (null, null);
        if (!IsCollecting && !IsMerging)
            RunFile.Delete(database.File); // whoever used it last had no time to
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

    /// <summary>From now on puts batches away, when nothing was ever downloaded.</summary>
    public void StartBulk(Database database)
    {
        if (_bulk == BulkState.Settled && BulkDownload.IsPossible(database))
            Note(database, BulkState.Collecting);
    }

    /// <summary>Whether what is put away or staged is all of the buckets up to a priority number, and could be shown with them: all at once.</summary>
    public bool CanShow(Database database, int priority) =>
        _buckets.Values.All(bucket => bucket.Received == OpId.None || bucket.Priority <= priority)
        && database.Prepare("SELECT EXISTS(SELECT 1 FROM tg_dirty)").RunInt64() == 0;

    /// <summary>Ends the collecting; <see cref="Merge"/> is to be called until it is done.</summary>
    /// <param name="database">The writing connection.</param>
    /// <param name="staged">Whether the rows go where nobody sees them, to be shown all at once.</param>
    public void StartMerge(Database database, bool staged)
    {
        _runs?.Flush(database);
        _runs = null;
        Note(database, staged ? BulkState.MergingStaged : BulkState.MergingPlain);
    }

    /// <summary>Merges a little of what was put away.</summary>
    /// <returns>Whether that was all.</returns>
    public bool Merge(Database database)
    {
        using var file = RunFile.Open(database);
        _merge ??= new BulkMerge(
            database, RunMerge.Open(database, file, bulk.PartBytes), Statements, tables, _buckets.Values, staged: _bulk == BulkState.MergingStaged);
        var done = _merge.Step(file, bulk.StepBytes, Touch);
        if (done)
        {
            _merge = null;
            RunMerge.Forget(database);
            Run.ForgetAll(database);
            EndMerge(database);
        }
        Save(database);
        return done;
    }

    /// <summary>Notes that the tables that were staged are the ones that everybody sees.</summary>
    public void NoteShown(Database database) => Note(database, BulkState.Settled);

    private void EndMerge(Database database)
    {
        if (_bulk == BulkState.MergingPlain)
        {
            Note(database, BulkState.Settled);
            return;
        }
        Note(database, BulkState.Staged);
        foreach (var bucket in _buckets.Values)
        {
            bucket.EverPublished = true; // what leaves it has to leave the staged tables
            Touch(bucket);
        }
    }

    /// <summary>Makes what was put away into operations at once, for the rare case that one of them has to go before everything is there.</summary>
    private void Settle(Database database)
    {
        if (!IsCollecting)
            return;
        StartMerge(database, staged: true);
        while (!Merge(database))
        {
        }
    }

    private void Note(Database database, BulkState state)
    {
        _bulk = state;
        BulkDownload.Note(database, state);
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
        _runs?.Flush(database);
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
            case OpKind.Put or OpKind.Remove when IsCollecting:
                PutAway(database, bucket, op);
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

    private void PutAway(Database database, LocalBucket bucket, in DataOp op)
    {
        bucket.SumLive += op.Checksum;
        if (!op.Type.IsEmpty && !op.Id.IsEmpty)
            (_runs ??= new RunWriter(bulk.PartBytes)).Add(bucket.Id, _types.IdOf(database, op.Type), op);
    }

    private void Put(Database database, LocalBucket bucket, in DataOp op)
    {
        var type = _types.IdOf(database, op.Type);
        bucket.SumLive += op.Checksum;
        Statements.MarkNew.Bind(1, bucket.Id).Bind(2, type).Bind(3, op.Id).Run();

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
        var statement = Statements.Insert.Bind(1, bucket.Id).Bind(2, (long)op.OpId.Value).Bind(3, type).Bind(4, op.Id).Bind(6, op.Checksum).Bind(7, op.Data);
        OpStatements.BindSubkey(statement, 5, op.Id, op.Subkey).Run();
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
        var statement = OpStatements.BindSubkey(Statements.Find.Bind(1, op.Id).Bind(2, type).Bind(3, bucket.Id), 4, op.Id, op.Subkey);
        if (!statement.Step())
            return null;
        var found = (statement.Int64(0), (uint)statement.Int64(1));
        statement.Reset();
        return found;
    }

    private void DropOperations(Database database, LocalBucket bucket)
    {
        if (bucket.Received == OpId.None)
            return; // a log that begins with a CLEAR
        Settle(database);
        database.Prepare("INSERT INTO tg_dirty(type, row_id, why) SELECT type, row_id, 1 FROM tg_op WHERE bucket = ? ON CONFLICT DO NOTHING")
            .Bind(1, bucket.Id).Run();
        database.Prepare("DELETE FROM tg_op WHERE bucket = ?").Bind(1, bucket.Id).Run();
        database.Prepare("DELETE FROM tg_new WHERE bucket = ?").Bind(1, bucket.Id).Run();
    }
}

using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Makes the runs of a first download into operations and rows, in the order of their ids: every page is filled once, from left to right.</summary>
/// <param name="database">The writing connection.</param>
/// <param name="merge">The runs, side by side.</param>
/// <param name="statements">Its statements.</param>
/// <param name="tables">Where rows go.</param>
/// <param name="buckets">The buckets.</param>
/// <param name="staged">
/// Whether the newest operation on a row goes to the tables that nobody sees yet and stays without data itself; otherwise everything waits
/// in <c>tg_op</c> for a publish.
/// </param>
internal sealed class BulkMerge(Database database, RunMerge merge, OpStatements statements, RowTables tables, IEnumerable<LocalBucket> buckets, bool staged)
{
    private readonly Dictionary<long, LocalBucket> _buckets = buckets.ToDictionary(bucket => bucket.Id);
    private RowWriter? _rows;
    private long _rowsType;

    /// <summary>Merges some rows.</summary>
    /// <param name="file">Where they are.</param>
    /// <param name="bytes">About how much.</param>
    /// <param name="touch">Is told of buckets whose sums have moved.</param>
    /// <returns>Whether that was all.</returns>
    public bool Step(RunFile file, int bytes, Action<LocalBucket> touch)
    {
        while (bytes > 0)
        {
            if (!merge.MoveNext(file))
                return true;
            bytes -= merge.Bytes;
            Take(touch);
            if (bytes <= 0)
                merge.Note(database);
        }
        return false;
    }

    private void Take(Action<LocalBucket> touch)
    {
        var winner = -1;
        for (var index = merge.Count - 1; index >= 0; index--)
        {
            var op = merge[index];
            if (op.IsPut && !IsSuperseded(index))
            {
                if (winner < 0)
                    winner = index;
                Insert(op, withData: !staged || index != winner);
                continue;
            }
            var bucket = _buckets[op.Bucket];
            bucket.SumLive -= op.Checksum;
            bucket.SumGone += op.Checksum;
            touch(bucket);
        }
        if (staged && winner >= 0)
            Show(merge[winner]);
    }

    private bool IsSuperseded(int index)
    {
        var op = merge[index];
        for (var later = index + 1; later < merge.Count; later++)
        {
            if (merge[later].Bucket == op.Bucket && merge[later].Subkey.SequenceEqual(op.Subkey))
                return true;
        }
        return false;
    }

    private void Insert(RunRecord op, bool withData)
    {
        var statement = statements.Append.Bind(1, op.Bucket).Bind(2, op.OpId).Bind(3, op.Type).Bind(4, op.Id).Bind(6, op.Checksum);
        OpStatements.BindSubkey(statement, 5, op.Id, op.Subkey);
        (withData ? statement.Bind(7, op.Data) : statement.BindNull(7)).Run();
        if (!staged)
            statements.MarkNew.Bind(1, op.Bucket).Bind(2, op.Type).Bind(3, op.Id).Run();
    }

    private void Show(RunRecord op)
    {
        if (_rows is null || _rowsType != op.Type)
            (_rows, _rowsType) = (tables.First(database, op.Type), op.Type);
        _rows.Put(op.Id, op.Data);
    }
}

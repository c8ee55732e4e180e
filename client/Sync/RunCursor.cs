using System.Numerics;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Reads a run from its beginning and takes away what it has read.</summary>
internal sealed class RunCursor(long run)
{
    private byte[] _part = [];
    private int _length;
    private int _start;
    private long _id = run << RunWriter.PartBits;
    private bool _isOpen;

    /// <summary>Of the present operation's id.</summary>
    public ulong Prefix { get; private set; }

    public RunRecord Current => RunRecord.At(_part.AsSpan(0, _length), _start);

    /// <summary>Goes to the first or next operation.</summary>
    /// <returns>Whether there is one.</returns>
    public bool MoveNext(Database database)
    {
        if (!IsInPart(database) && !Open(database))
            return false;
        Prefix = RunRecord.Prefix(Current.Id);
        return true;
    }

    private bool IsInPart(Database database)
    {
        if (!_isOpen)
            return false;
        _start += Current.Length;
        if (_start < _length)
            return true;
        database.Prepare("DELETE FROM tg_run WHERE id = ?").Bind(1, _id++).Run();
        return false;
    }

    private bool Open(Database database)
    {
        var statement = database.Prepare("SELECT id, ops FROM tg_run WHERE id >= ? AND id < ? ORDER BY id LIMIT 1")
            .Bind(1, _id).Bind(2, (run + 1) << RunWriter.PartBits);
        _isOpen = statement.Step();
        if (!_isOpen)
            return false;
        _id = statement.Int64(0);
        var ops = statement.Bytes(1);
        if (_part.Length < ops.Length)
            _part = new byte[BitOperations.RoundUpToPowerOf2((uint)ops.Length)];
        ops.CopyTo(_part);
        (_start, _length) = (0, ops.Length);
        statement.Reset();
        return true;
    }
}

namespace TopGun.Buckets.Client.Sync;

/// <summary>Reads a run from its beginning.</summary>
internal sealed class RunCursor(Run run, int partBytes)
{
    private byte[] _part = new byte[RunFile.HeaderBytes + partBytes];
    private long _next = run.Start;
    private int _parts;
    private int _start;
    private int _end;

    /// <summary>Of the present operation's id.</summary>
    public ulong Prefix { get; private set; }

    public RunRecord Current => RunRecord.At(_part.AsSpan(0, _end), _start);

    /// <summary>Goes to the first or next operation.</summary>
    /// <returns>Whether there is one.</returns>
    public bool MoveNext(RunFile file)
    {
        if (_end > 0)
            _start += Current.Length;
        if (_start == _end && !ReadPart(file))
            return false;
        Prefix = RunRecord.Prefix(Current.Id);
        return true;
    }

    private bool ReadPart(RunFile file)
    {
        if (_next == run.End)
            return false;
        var length = file.Read(run, _next, _parts++, ref _part);
        (_start, _end) = (RunFile.HeaderBytes, RunFile.HeaderBytes + length);
        _next += RunFile.HeaderBytes + length;
        return true;
    }
}

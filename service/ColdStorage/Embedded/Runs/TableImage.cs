using System.Buffers.Binary;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>The newest of what runs have of one table, each record once: for who takes in the whole table when the service starts.</summary>
/// <remarks>
/// Beside the runs, which have all that it has: made again when it is missing, damaged or outdated. A run as in <see cref="RunFormat"/>, with a record of the
/// image itself before the others:
/// <code>
/// │ number of the oldest run u32 │ the highest number of a run u32 │
/// </code>
/// It stands for every run up to that number. Numbers are not given twice, so that what runs are merged into later has a higher one, and is looked at before
/// it, after all that is newer. What was removed is not in it, and what shows that is forgotten once no older run can have it: then there is another oldest
/// run, and the image is void.
/// </remarks>
internal sealed class TableImage
{
    public const string Extension = ".image";

    private const RecordTable OwnRecord = default; // before all tables

    private readonly RunFile _run;
    private readonly RecordTable _table;
    private readonly int _oldest;
    private readonly int _through;

    private TableImage(RunFile run, RecordTable table, int oldest, int through)
    {
        _run = run;
        _table = table;
        _oldest = oldest;
        _through = through;
    }

    private static ReadOnlyMemory<byte> OwnKey { get; } = "image"u8.ToArray();

    /// <summary>Opens the image of a table; null when there is none that is whole.</summary>
    public static TableImage? TryOpen(StoreFiles files, RecordTable table)
    {
        if (!files.Exists(Name(table)))
            return null;
        try
        {
            return Read(RunFile.Open(files, Name(table)), table);
        }
        catch (DamagedStoreException)
        {
            return null;
        }
    }

    /// <summary>Writes the image of a table from runs, of which there is one at least, the newest first.</summary>
    /// <param name="files">Writes it.</param>
    /// <param name="table">The table.</param>
    /// <param name="runs">The runs, all of which the manifest on the disk names.</param>
    /// <param name="before">The image of these runs so far, if there is one.</param>
    /// <param name="goesOn">Called now and then; may throw to end it.</param>
    public static TableImage Write(StoreFiles files, RecordTable table, RunFile[] runs, TableImage? before, Action goesOn)
    {
        List<IEnumerable<RunEntry>> sources = [.. runs.Take(before?.CountApart(runs) ?? runs.Length).Select(run => run.ReadOnce(table))];
        if (before is not null)
            sources.Add(before._run.ReadOnce(table));
        var temporary = Name(table) + ".tmp";
        using (var writer = new RunWriter(files, temporary, expectedRecords: 0))
        {
            var runNumbers = new byte[8];
            BinaryPrimitives.WriteInt32LittleEndian(runNumbers, runs[^1].Number);
            BinaryPrimitives.WriteInt32LittleEndian(runNumbers.AsSpan(4), runs.Max(run => run.Number));
            writer.Add(new RunEntry(OwnRecord, new MemoryEntry(OwnKey, runNumbers, HasValue: true)));
            foreach (var entry in RunMerge.Merge(sources))
            {
                goesOn();
                if (entry.Record.HasValue)
                    writer.Add(entry);
            }
            writer.Complete();
        }
        var run = RunFile.Open(files, temporary); // before it has its name, under which a reset may delete it
        files.Rename(temporary, Name(table));
        return Read(run, table)!;
    }

    /// <summary>Whether it stands for some of these runs, the newest of which comes first.</summary>
    public bool IsOf(RunFile[] runs) => runs.Length > 0 && runs[^1].Number == _oldest;

    /// <summary>How many of these runs, from the newest on, have to be looked at before it; the others have nothing that it has not.</summary>
    public int CountApart(RunFile[] runs) => Array.FindLastIndex(runs, run => run.Number > _through) + 1;

    /// <summary>Roughly how many blocks it has.</summary>
    public int BlockCount => _run.BlocksOf(_table);

    /// <summary>Shows its records.</summary>
    /// <exception cref="DamagedStoreException">It is damaged from some record on.</exception>
    public void Visit(RecordVisitor visit) => _run.Visit(_table, visit);

    public static string Name(RecordTable table) => (int)table + Extension;

    private static TableImage? Read(RunFile run, RecordTable table)
    {
        foreach (var entry in run.ReadOnce(OwnRecord))
        {
            var numbers = entry.Record.Value.Span;
            return new TableImage(run, table, BinaryPrimitives.ReadInt32LittleEndian(numbers), BinaryPrimitives.ReadInt32LittleEndian(numbers[4..]));
        }
        return null;
    }
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication.PgOutput;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Where the reading stands between two connections: what was delivered last.</summary>
/// <remarks>Changed by the reader of the stream alone. What works beside it reads the state, which is immutable, whenever it likes.</remarks>
internal sealed partial class ReplicationProgress(ReplicationState? state, Lsn position, SourceWishes wishes)
{
    private volatile ReplicationState? _state = state is { IsVoid: true } ? null : state;

    public ReplicationState? State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>The epoch that a first state counts on from.</summary>
    public int EpochBefore { get; } = state?.Epoch ?? 0;

    /// <summary>Which tables are wanted.</summary>
    public SourceWishes Wishes => wishes;

    /// <summary>Everything that committed before it has been delivered.</summary>
    public Lsn Position { get; set; } = position;

    /// <summary>End of a transaction of which a part is stored, or was: what is stored depends on it.</summary>
    public Lsn Begun { get; set; }

    /// <summary>Why the next connection has to start over; null when it may continue.</summary>
    public string? BrokenBecause { get; set; }

    /// <summary>How often the source was read from the beginning without the stream having been reached.</summary>
    public int RestartsInARow { get; set; }

    /// <summary>Table definitions; kept from connection to connection so that one that did not change stays the same object.</summary>
    public RelationCache Relations { get; } = new();

    /// <summary>Whether the state has something in it that is to be stored with the next event, whatever that is.</summary>
    public bool HasNews { private get; set; }

    /// <summary>The state if the next event has to carry it.</summary>
    public ReplicationState? TakeNews(bool always = false)
    {
        var isWanted = always || HasNews;
        HasNews = false;
        return isWanted ? State : null;
    }

    public ReplicationState Started => State ?? throw new InvalidOperationException("Replication has no state before its snapshot started.");

    /// <summary>What the connection that reads the slot is called: the same for all processes of one store, and nothing that a marker could be forged with.</summary>
    public string ReaderName => $"topgun {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Started.MarkerTag)).AsSpan(0, 8))}";

    /// <summary>Puts a table's progress in the place of the one it has.</summary>
    public ReplicationState Replace(TableProgress table) => State = Started with
    {
        Tables = [.. Started.Tables.Select(one => one.RelationId == table.RelationId ? table : one)],
    };

    /// <summary>Takes up tables that are to be read by the snapshot.</summary>
    public ReplicationState Add(IEnumerable<TableProgress> tables) => State = Started with
    {
        Tables = [.. Started.Tables, .. tables],
    };

    /// <summary>Forgets tables; should one be wanted again, it is read anew.</summary>
    public void Drop(Predicate<TableProgress> unwanted)
    {
        if (Started.Tables.Any(table => unwanted(table)))
            State = Started with { Tables = [.. Started.Tables.Where(table => !unwanted(table))] };
    }

    public TableProgress? Find(uint relationId) => Started.Tables.FirstOrDefault(table => table.RelationId == relationId);

    /// <summary>A table of which nothing has been read.</summary>
    public static TableProgress Unread(SourceTable table) =>
        new(table.RelationId, table.Schema, table.Name, Done: false, LastKey: null, RowCount: 0) { Key = KeyOf(table) };

    /// <summary>A table of which nothing has been read, as the catalogue has it now.</summary>
    public static TableProgress Unread(SourceTableInfo table) => Unread(table.Table) with { Shape = table.Shape };

    /// <summary>Remembers how the catalogue has the tables now, after nothing was found in it that would be a break.</summary>
    public void Remember(IReadOnlyList<SourceTableInfo> tables)
    {
        foreach (var table in tables)
        {
            if (Find(table.Table.RelationId) is { } known && table.Shape is not null)
                Replace(known with { Shape = table.Shape });
        }
    }

    /// <summary>The key columns with their types.</summary>
    public static string KeyOf(SourceTable table) => string.Join(
        ',',
        table.Columns.Where(column => column.IsKey).Select(column => string.Create(CultureInfo.InvariantCulture, $"{column.Name}:{column.TypeId}")));

    /// <summary>Why the stored rows of a table may not be its rows any more, in a clause; null when they are.</summary>
    public string? FindBreak(SourceTableInfo table) => FindBreak(table.Table) ?? FindBreak(table, Find(table.Table.RelationId)?.Shape);

    /// <summary>Why rows may have changed without an event since the table had an earlier shape, in a clause.</summary>
    public static string? FindBreak(SourceTableInfo table, TableShape? earlier) =>
        earlier is not null && table.Shape?.FindBreak(earlier) is { } reason
            ? $"table '{table.Table.Schema}.{table.Table.Name}' {reason}"
            : null;

    /// <summary>Why a table cannot be the one whose rows are stored, in a clause; null when it can.</summary>
    public string? FindBreak(SourceTable table)
    {
        foreach (var known in Started.Tables)
        {
            if (known.RelationId == table.RelationId)
            {
                if (FindBreak(table, known) is { } reason)
                    return reason;
            }
            else if (known.Schema == table.Schema && known.Name == table.Name)
            {
                return $"table '{known.Schema}.{known.Name}' was dropped and created again";
            }
        }
        return null;
    }

    /// <summary>Why a table's rows cannot be told apart as they were, in a clause; null when they can.</summary>
    public static string? FindBreak(SourceTable table, TableProgress known)
    {
        if (known.Schema != table.Schema || known.Name != table.Name)
            return $"table '{known.Schema}.{known.Name}' was renamed to '{table.Schema}.{table.Name}'";
        return known.Key != KeyOf(table) ? $"the key of table '{known.Schema}.{known.Name}' changed from ({known.Key}) to ({KeyOf(table)})" : null;
    }
}

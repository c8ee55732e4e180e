using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation.Source;

internal enum SimChangeKind
{
    Insert,
    Update,
    Delete,
    Truncate,
    Message,
}

/// <summary>One record of a transaction in the WAL.</summary>
internal sealed record SimChange(
    Lsn Position, SimChangeKind Kind, IReadOnlyList<SimTable> Tables, SimRow? OldRow, SimRow? NewRow)
{
    public string Prefix { get; private init; } = "";

    public byte[] Content { get; private init; } = [];

    public static SimChange OfMessage(Lsn position, string prefix, byte[] content) =>
        new(position, SimChangeKind.Message, [], OldRow: null, NewRow: null) { Prefix = prefix, Content = content };

    public SourceState ApplyTo(SourceState state)
    {
        switch (Kind)
        {
            case SimChangeKind.Message:
                return state;
            case SimChangeKind.Truncate:
                return Tables.Aggregate(state, (current, truncated) => current.With(truncated.Name, SourceState.NoRows));
            default:
                var table = Tables[0];
                if (OldRow is not null)
                    state = state.With(table.Name, table.KeyOf(OldRow), row: null);
                return NewRow is null ? state : state.With(table.Name, table.KeyOf(NewRow), NewRow);
        }
    }
}

/// <summary>A committed transaction, as logical decoding sees it.</summary>
/// <param name="Id">Transaction id.</param>
/// <param name="Start">Position of the commit record.</param>
/// <param name="End">End of the commit record.</param>
/// <param name="Time">Commit time in microseconds since 2000-01-01.</param>
/// <param name="Changes">Its records in order.</param>
/// <param name="State">All tables after it.</param>
internal sealed record SimCommit(uint Id, Lsn Start, Lsn End, long Time, IReadOnlyList<SimChange> Changes, SourceState State);

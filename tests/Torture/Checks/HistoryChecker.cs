using System.Globalization;

namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>Watches one place, state after state: nothing goes back, nothing is there in part, nothing without what it depends on, nothing of others.</summary>
/// <param name="place">Its name, for sentences.</param>
/// <param name="user">Whose device it is; null for Postgres, which holds what is everybody's.</param>
/// <param name="findings">Told what is found.</param>
internal sealed class HistoryChecker(string place, string? user, Findings findings)
{
    private readonly Dictionary<string, long> _heads = new(StringComparer.Ordinal);
    private long _checkpoint;

    public void Observe(ShownState state)
    {
        findings.Looked(user is null ? "source state" : "device state");
        CheckTime(state);
        CheckAtomicity(state);
        CheckCausality(state);
        if (user is not null)
            CheckLeak(state);
    }

    private void CheckTime(ShownState state)
    {
        if (state.Checkpoint < _checkpoint)
            Report(Verdict.TimeWentBackwards, $"checkpoint {state.Checkpoint} was visible after {_checkpoint}");
        _checkpoint = state.Checkpoint;
        foreach (var (writer, seq) in state.Heads)
        {
            if (seq < _heads.GetValueOrDefault(writer))
                Report(user is null ? Verdict.CausalityInSource : Verdict.TimeWentBackwards, $"transaction {seq} of {writer} was visible after its {_heads[writer]}");
            _heads[writer] = seq;
        }
    }

    private void CheckAtomicity(ShownState state)
    {
        foreach (var writer in state.Heads.Keys.Union(state.Twins.Keys))
        {
            var (head, twin) = (state.Heads.GetValueOrDefault(writer, -1), state.Twins.GetValueOrDefault(writer, -1));
            if (head != twin)
                Report(Verdict.Atomicity, $"the head of {writer} was at {head} and its twin at {twin}");
        }
        if (state.Sheet.Count > 1)
            Report(Verdict.Atomicity, $"the sheet had {string.Join(" and ", state.Sheet.Order())}");
    }

    private void CheckCausality(ShownState state)
    {
        foreach (var (author, dependencies) in state.Seen)
        {
            foreach (var (writer, seq) in dependencies)
            {
                if (state.Heads.GetValueOrDefault(writer) is var shown && shown < seq)
                {
                    Report(
                        user is null ? Verdict.CausalityInSource : Verdict.CausalityOnDevice,
                        $"transaction {state.Heads[author]} of {author} was visible, which had seen {seq} of {writer}, and of {writer} only {shown}");
                }
            }
        }
    }

    private void CheckLeak(ShownState state)
    {
        if (state.Members.FirstOrDefault(member => member.User != user) is { User: not null } other)
            Report(Verdict.Leak, $"{other.User}'s membership of {other.Room} was visible");
        foreach (var (item, room) in state.Items)
        {
            if (!state.Members.Contains((user!, room)))
                Report(Verdict.Leak, $"item {item} of {room} was visible, where {user} is no member");
        }
    }

    private void Report(Verdict verdict, string clause) => findings.Add(verdict, string.Create(CultureInfo.InvariantCulture, $"At {place} {clause}."));
}

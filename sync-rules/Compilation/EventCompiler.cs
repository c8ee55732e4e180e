using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles event definitions: those that bring write checkpoints become an index by client, others are checked and that is all.</summary>
internal sealed class EventCompiler(CompileContext context)
{
    // The backend's own numbers, and numbers that clients choose and the backend passes on. To the service they are the same.
    private static readonly string[] WriteCheckpointEvents = ["write_checkpoints", "checkpoint_requests"];

    private readonly DataQueryCompiler _queries = new(context);

    public void Compile(EventEntry entry)
    {
        // No bucket definition is called like this, and the two may have the same name.
        var isIndexed = WriteCheckpointEvents.Contains(entry.Name);
        var definition = new DefinitionPlan(isIndexed ? context.Definitions.Count : -1, $"event {entry.Name}", IsStream: false, IsDefault: false) { IsEvent = true };
        if (isIndexed)
            context.Definitions.Add(definition);
        foreach (var (index, query) in entry.Payloads.Index())
        {
            if (_queries.CompileEvent(query, definition) is not { } payload || !isIndexed)
                continue;
            var report = new QueryReport(query, context.Findings);
            CompileContext.Try(report, () => context.Lookups.Add(ToIndex(payload, entry.Name, index + 1)));
        }
    }

    // Key: user, or user/client, as the streams of a client ask for it. Record: the number.
    private static LookupPlan ToIndex(DataPlan payload, string name, int number)
    {
        var columns = payload.Columns.ToList();
        var (user, client, checkpoint) = (Output("user_id"), Output("client_id"), Output("checkpoint"));
        if (user is null || checkpoint is null)
        {
            var missing = user is null ? "user_id" : "checkpoint";
            throw SqlProblem.Semantics(payload.Written!.Span,
                $"A payload of '{name}' must select '{missing}': the columns are user_id, checkpoint and, where a user has several devices, client_id.");
        }
        Expression key = client is null
            ? new CastExpression(CastTarget.Text, isExact: true, user)
            : new ConcatExpression(user, new CoalesceExpression([new ConcatExpression(Text("/"), client, isExact: true), Text("")]), isExact: true);
        return new LookupPlan(
            payload.Definition, number, payload.Table, columns,
            [.. payload.Memberships.Select(membership => membership.Match with { Keys = [key] })],
            [checkpoint], ["checkpoint"], KeepsNull: false)
        {
            Written = payload.Written,
        };

        Expression? Output(string output)
        {
            var item = payload.Projection.Items.LastOrDefault(item => item.Name == output && item.Expression is not null);
            if (item is not null || payload.Projection.Items.All(other => other.Expression is not null))
                return item?.Expression;
            var slot = columns.IndexOf(output);
            if (slot < 0)
                columns.Add(output);
            return new ColumnExpression(slot < 0 ? columns.Count - 1 : slot, output);
        }
    }

    private static ConstantExpression Text(string text) => new(SqlValue.FromText(Encoding.UTF8.GetBytes(text)));
}

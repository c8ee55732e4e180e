using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>
/// Rules by hand. <c>todos(id, list_id, text …)</c>: each row is in the buckets <c>list["…"]</c> and <c>all[]</c>; <c>lists(id, owner)</c>: a lookup
/// from owner to list. A row whose first text after the list is <c>hidden</c> is in no bucket.
/// </summary>
/// <param name="hasShort">Whether each todo is in <c>short[]</c> as well, with nothing but its id: another copy of the same row.</param>
internal sealed class ListRules(bool hasShort = false) : RuleSet
{
    public override IReadOnlyList<RuleDefinition> Definitions { get; } = [new("list", "f1"), new("all", "f2"), .. hasShort ? [new("short", "f3")] : (RuleDefinition[])[]];

    public override IReadOnlyList<TablePattern> Tables { get; } = [new("public", "todos"), new("public", "lists")];

    public override string Serialize() => throw new NotSupportedException();

    public override bool Uses(string schema, string table) => table is "todos" or "lists" or "events";

    public override TableEvaluator ForTable(SourceTable table) => new Evaluator(table, hasShort);

    public override RuleSet Without(RuleSet other) => throw new NotSupportedException();

    public override BucketResolution BucketsFor(BucketRequest request) => throw new NotSupportedException();

    private sealed class Evaluator(SourceTable table, bool hasShort) : TableEvaluator
    {
        public override bool IsUsed => table.Name is "todos" or "lists" or "events";

        public override void Evaluate(SourceRow row, IRowSink sink)
        {
            var id = Text(row[0]);
            if (table.Name == "lists")
            {
                sink.Lookup(Encoding.UTF8.GetBytes($"owner:{Text(row[1])}"), Encoding.UTF8.GetBytes(id));
                return;
            }
            if (row.Count > 2 && Text(row[2]) == "hidden")
                return;

            var data = new StringBuilder("{\"id\":\"").Append(id).Append('"');
            for (var column = 1; column < row.Count; column++)
                data.Append(",\"").Append(table.Columns[column].Name).Append("\":\"").Append(Text(row[column])).Append('"');
            sink.Row(Encoding.UTF8.GetBytes(table.Name), Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes(data.Append('}').ToString()));
            sink.Bucket(Encoding.UTF8.GetBytes($"1#list[\"{Text(row[1])}\"]"));
            sink.Bucket("1#all[]"u8);
            if (!hasShort)
                return;
            sink.Row(Encoding.UTF8.GetBytes(table.Name), Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes($"{{\"id\":\"{id}\"}}"));
            sink.Bucket("1#short[]"u8);
        }

        private static string Text(SourceValue value)
        {
            if (value.Kind is SourceValueKind.Absent or SourceValueKind.Unchanged)
                throw new InvalidOperationException("An incomplete row was evaluated.");
            return value.Kind == SourceValueKind.Null ? "" : Encoding.UTF8.GetString(value.Text.Span);
        }
    }
}

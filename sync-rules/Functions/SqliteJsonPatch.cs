using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary><c>json_patch</c>: members of the patch replace those of the same name, null removes them, objects are patched in turn.</summary>
/// <param name="json">How values are read as JSON.</param>
// https://www.rfc-editor.org/rfc/rfc7396
internal sealed class SqliteJsonPatch(SqliteJsonFunctions json)
{
    // SQLite takes no deeper JSON, and every level costs stack.
    private const int MaxDepth = 1000;

    private static readonly ReadOnlyMemory<byte> Empty = "{}"u8.ToArray();

    public SqlValue Apply(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || arguments[1].IsNull)
            return SqlValue.Null;
        var target = json.Document(arguments[0], context);
        return SqlValue.FromJson(Merge(target, json.Document(arguments[1], context), 1, context.Scratch));
    }

    private static ReadOnlyMemory<byte> Merge(ReadOnlyMemory<byte> target, ReadOnlyMemory<byte> patch, int depth, Scratch scratch)
    {
        if (patch.Span[0] != '{')
            return patch;
        if (depth > MaxDepth)
            throw new EvaluationException("The patch of json_patch() is nested too deep.");
        var members = MembersOf(target.Span[0] == '{' ? target : Empty, scratch);

        // Of equal names the first counts, as everywhere in SQLite.
        var positions = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var index = 0; index < members.Count; index++)
            positions.TryAdd(members[index].Key, index);
        foreach (var (key, label, value) in MembersOf(patch, scratch))
        {
            var removes = value.Span.SequenceEqual("null"u8);
            if (positions.TryGetValue(key, out var at))
            {
                members[at] = members[at] with { Value = removes ? default : Merge(members[at].Value, value, depth + 1, scratch) };
                if (removes)
                    positions.Remove(key);
            }
            else if (!removes)
            {
                positions.Add(key, members.Count);
                members.Add(new Member(key, label, Merge(Empty, value, depth + 1, scratch)));
            }
        }
        return Print(members);
    }

    private static ReadOnlyMemory<byte> Print(List<Member> members)
    {
        var target = new ByteBuffer();
        target.Add((byte)'{');
        foreach (var (_, label, value) in members)
        {
            if (value.IsEmpty)
                continue;
            if (target.Length > 1)
                target.Add((byte)',');
            target.Add(label.Span);
            target.Add((byte)':');
            target.Add(value.Span);
            SqliteTextFunctions.RequireRoom(target);
        }
        target.Add((byte)'}');
        return target.WrittenMemory;
    }

    private static List<Member> MembersOf(ReadOnlyMemory<byte> text, Scratch scratch)
    {
        var members = new List<Member>();
        var reader = JsonReading.Open(text.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var label = text.Slice((int)reader.TokenStartIndex, reader.ValueSpan.Length + 2);
            var key = Encoding.UTF8.GetString(JsonReading.Unescape(text, ref reader, scratch).Span);
            members.Add(new Member(key, label, JsonReading.ReadValue(text, ref reader)));
        }
        return members;
    }

    /// <param name="Key">The name.</param>
    /// <param name="Label">The name as written, in quotes.</param>
    /// <param name="Value">JSON; nothing when it was removed.</param>
    private readonly record struct Member(string Key, ReadOnlyMemory<byte> Label, ReadOnlyMemory<byte> Value);
}

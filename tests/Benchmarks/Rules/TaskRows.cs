using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Benchmarks.Rules;

/// <summary>Rows as the source sends them: three uuids, 96 characters of text, a bool, a number and two times.</summary>
internal static class TaskRows
{
    private const uint Bool = 16;
    private const uint Int4 = 23;
    private const uint Text = 25;
    private const uint TimestampTz = 1184;
    private const uint Uuid = 2950;

    public static readonly SourceTable Table = new(
        RelationId: 16_384,
        Schema: "public",
        Name: "tasks",
        Columns:
        [
            new SourceColumn("id", Uuid, -1, IsKey: true),
            new SourceColumn("list_id", Uuid, -1, IsKey: false),
            new SourceColumn("owner_id", Uuid, -1, IsKey: false),
            new SourceColumn("description", Text, -1, IsKey: false),
            new SourceColumn("done", Bool, -1, IsKey: false),
            new SourceColumn("priority", Int4, -1, IsKey: false),
            new SourceColumn("created_at", TimestampTz, -1, IsKey: false),
            new SourceColumn("done_at", TimestampTz, -1, IsKey: false),
        ],
        Identity: ReplicaIdentity.Default);

    /// <summary>The same rows for the same seed.</summary>
    /// <param name="count">How many.</param>
    /// <param name="lists">How many lists and owners they are spread over.</param>
    public static SourceRow[] Create(int count, int lists)
    {
        var random = new Random(7);
        var ids = Enumerable.Range(0, lists).Select(_ => NewUuid(random)).ToArray();
        var rows = new SourceRow[count];
        for (var index = 0; index < count; index++)
        {
            string[] values =
            [
                NewUuid(random),
                ids[random.Next(lists)],
                ids[random.Next(lists)],
                string.Concat(Enumerable.Repeat(random.Next().ToString("x8", CultureInfo.InvariantCulture), 12)),
                index % 2 == 0 ? "t" : "f",
                (index % 5).ToString(CultureInfo.InvariantCulture),
                $"2026-03-01 12:{index % 60:D2}:{index / 60 % 60:D2}.{random.Next(1_000_000):D6}+00",
                $"2026-03-02 12:{index % 60:D2}:{index / 60 % 60:D2}.{random.Next(1_000_000):D6}+00",
            ];
            rows[index] = new SourceRow();
            rows[index].Reset(values.Length);
            for (var column = 0; column < values.Length; column++)
                rows[index][column] = new SourceValue(SourceValueKind.Text, Encoding.UTF8.GetBytes(values[column]));
        }
        return rows;
    }

    /// <summary>The same rows, each with another priority.</summary>
    public static SourceRow[] Change(SourceRow[] rows)
    {
        var priority = new SourceValue(SourceValueKind.Text, "9"u8.ToArray());
        return [.. rows.Select(row =>
        {
            var changed = new SourceRow();
            changed.Reset(row.Count);
            row.Values.CopyTo(changed.Values);
            changed[Table.IndexOf("priority")] = priority;
            return changed;
        })];
    }

    private static string NewUuid(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes).ToString();
    }
}

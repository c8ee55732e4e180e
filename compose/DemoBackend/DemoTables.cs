namespace TopGun.Buckets.DemoBackend;

/// <summary>A table that devices may write to.</summary>
/// <param name="Name">Table and column names come from here, never from the upload, so they can stand in SQL text.</param>
/// <param name="Columns">Columns that a device may set, besides <c>id</c>.</param>
/// <param name="Permission">SQL condition on a row <c>r</c> that user <c>@user</c> must meet to write it.</param>
internal sealed record DemoTable(string Name, IReadOnlyList<string> Columns, string Permission);

/// <summary>All tables that devices may write to, with who may.</summary>
internal static class DemoTables
{
    private const string IsMember = "EXISTS (SELECT 1 FROM members m WHERE m.list_id = r.list_id AND m.user_id = @user)";
    private const string IsOwner = "EXISTS (SELECT 1 FROM lists l WHERE l.id = r.list_id AND l.owner_id = @user)";

    private static readonly Dictionary<string, DemoTable> ByName = new DemoTable[]
    {
        new("lists", ["owner_id", "name", "created_at"], "r.owner_id = @user"),
        new("members", ["list_id", "user_id"], IsOwner),
        new("todos", ["list_id", "title", "done", "created_by", "created_at"], IsMember),
    }.ToDictionary(table => table.Name);

    public static DemoTable? Find(string name) => ByName.GetValueOrDefault(name);
}

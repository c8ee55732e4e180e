using TopGun.Buckets.Backend;

namespace TopGun.Buckets.DemoBackend;

/// <summary>All tables that devices may write to, with who may.</summary>
internal static class DemoTables
{
    private const string IsMember = "EXISTS (SELECT 1 FROM members m WHERE m.list_id = r.list_id AND m.user_id = @user)";
    private const string IsOwner = "EXISTS (SELECT 1 FROM lists l WHERE l.id = r.list_id AND l.owner_id = @user)";

    public static readonly UploadTable[] All =
    [
        new("lists", "owner_id", "name", "created_at") { Permission = "r.owner_id = @user" },
        new("members", "list_id", "user_id") { Permission = IsOwner },
        new("todos", "list_id", "title", "done", "created_by", "created_at") { Permission = IsMember },
    ];
}

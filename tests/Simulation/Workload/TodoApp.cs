using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>The application of the simulated world: shared to-do lists, with members that come and go.</summary>
internal static class TodoApp
{
    public const string Definitions = """
          everyone:
            data:
              - SELECT id, body FROM notices
          owned:
            parameters: SELECT request.user_id() AS user_id
            data:
              - SELECT id, owner_id, name, n FROM lists WHERE owner_id = bucket.user_id
          by_list:
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id()
            data:
              - SELECT id, owner_id, name, n FROM lists WHERE id = bucket.list_id
              - SELECT id, list_id, title, note, done, n FROM todos WHERE list_id = bucket.list_id
        """;

    public static readonly SimTable Lists = new(
        16_401, "lists", ReplicaIdentity.Default,
        SimTable.Key("id"), SimTable.Text("owner_id"), SimTable.Text("name"), SimTable.Int("n"));

    public static readonly SimTable Todos = new(
        16_402, "todos", ReplicaIdentity.Default,
        SimTable.Key("id"), SimTable.Text("list_id"), SimTable.Text("title"), SimTable.Text("note"), SimTable.Bool("done"), SimTable.Int("n"));

    public static readonly SimTable Members = new(
        16_403, "members", ReplicaIdentity.Default,
        SimTable.Key("list_id"), SimTable.Key("user_id"));

    public static readonly SimTable Notices = new(
        16_404, "notices", ReplicaIdentity.Full,
        SimTable.Key("id"), SimTable.Text("body"));

    /// <summary>Which uploads have taken effect; the backend's own, not published.</summary>
    public static readonly SimTable Uploads = new(
        16_405, "uploads", ReplicaIdentity.Default,
        SimTable.Key("client_id"), SimTable.Key("tx"));

    public static readonly IReadOnlyList<SimTable> Tables = [Lists, Todos, Members, Notices, Uploads];
}

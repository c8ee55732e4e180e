using TopGun.Buckets.Client;

namespace TopGun.Buckets.Samples.Todo;

/// <summary>A list that the user may see.</summary>
[SyncedTable("lists")]
internal sealed partial record TodoList(string Id, string OwnerId, string Name);

/// <summary>Something to do.</summary>
[SyncedTable("todos")]
[TableIndex("by_list", "list_id", "title")]
internal sealed partial record TodoItem(string Id, string ListId, string Title, bool Done, string? CreatedBy);

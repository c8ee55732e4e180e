using System.Text.Json.Serialization;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Samples.ReadReplica;

/// <summary>Something to do.</summary>
[SyncedTable("todos")]
[TableIndex("by_list", "list_id", "title")]
internal sealed partial record TodoItem(string Id, string ListId, string Title, bool Done);

/// <summary>What goes out as JSON.</summary>
[JsonSerializable(typeof(IReadOnlyList<TodoItem>))]
internal sealed partial class ReplicaJson : JsonSerializerContext;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The demo's tables as streams: lists come by themselves, todos are subscribed to.</summary>
internal static class StreamRules
{
    public const string Text = """
        config:
          edition: 3
        streams:
          lists:
            auto_subscribe: true
            query: SELECT id, owner_id, name, created_at FROM lists WHERE id IN (SELECT list_id FROM members WHERE user_id = auth.user_id())
          todos:
            priority: 2
            query: |
              SELECT id, list_id, title, done, created_by FROM todos
              WHERE list_id = subscription.parameter('list') AND list_id IN (SELECT list_id FROM members WHERE user_id = auth.user_id())
          titled:
            # Shows everybody's todos, so that its rows can be told from those of the stream above.
            accept_potentially_dangerous_queries: true
            query: SELECT id, list_id, title, done, created_by FROM todos WHERE title IN subscription.parameter('titles')
        """;
}

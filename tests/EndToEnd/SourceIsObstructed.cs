using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What keeps the source from being followed: devices keep what there was, the operator is told, and when it is mended it goes on exactly.</summary>
public class SourceIsObstructed(SourceIsObstructed.RestrictedDemo restricted) : IClassFixture<SourceIsObstructed.RestrictedDemo>
{
    // The fault; what somebody does; what the status then says; what mends it.
    public static TheoryData<string, string, string, string> Obstacles() => new()
    {
        { "F12 no connection to spare", "ALTER ROLE {role} CONNECTION LIMIT 0", "TGB1101", "ALTER ROLE {role} CONNECTION LIMIT -1" },
        { "F20 publication of inserts only", "ALTER PUBLICATION topgun SET (publish = 'insert')", "TGB1105", "ALTER PUBLICATION topgun SET (publish = 'insert, update, delete, truncate')" },
        { "F23 key dropped", "ALTER TABLE todos DROP CONSTRAINT todos_pkey", "it has no primary key", "ALTER TABLE todos ADD PRIMARY KEY (id)" },
        { "F23 identity index dropped", "CREATE UNIQUE INDEX todos_by_id ON todos (id); ALTER TABLE todos REPLICA IDENTITY USING INDEX todos_by_id; DROP INDEX todos_by_id", "the index of its replica identity does not exist any more", "ALTER TABLE todos REPLICA IDENTITY DEFAULT" },
        { "S10 made unlogged", "ALTER PUBLICATION topgun DROP TABLE todos; ALTER TABLE todos SET UNLOGGED", "it is unlogged", "ALTER TABLE todos SET LOGGED; ALTER PUBLICATION topgun ADD TABLE todos" },
        { "F23 identity nothing", "ALTER TABLE todos REPLICA IDENTITY NOTHING", "its replica identity is NOTHING", "ALTER TABLE todos REPLICA IDENTITY DEFAULT" },
        { "F32 right to read revoked", "REVOKE SELECT ON todos FROM {role}", "may not read table", "GRANT SELECT ON todos TO {role}" },
        { "F32 row security", "ALTER TABLE todos ENABLE ROW LEVEL SECURITY", "Row security on table", "ALTER TABLE todos DISABLE ROW LEVEL SECURITY" },
        { "F32 right to replicate revoked", "ALTER ROLE {role} NOREPLICATION", "may not replicate", "ALTER ROLE {role} REPLICATION" },
    };

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task Devices_keep_what_there_was_until_it_is_mended(string fault, string harm, string told, string mend)
    {
        var (demo, role) = (restricted.Demo, restricted.Role);
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'before {fault}', 'ann')");
        await using var ann = new ProtocolClient(demo.Process.Url, "ann").Start();
        var before = await ann.WaitForAsync("todos", "title", $"before {fault}");

        await demo.Database.ExecuteAsync(harm.Replace("{role}", role, StringComparison.Ordinal));
        await demo.Database.ExecuteAsync($"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = '{demo.Database.Name}'");
        await BadStart.UntilAsync(async () => (await demo.ReadReplicationStatusAsync()).Contains(told, StringComparison.Ordinal), $"the status says {told}");

        await using var bob = new ProtocolClient(demo.Process.Url, "bob").Start();
        await bob.WaitForAsync("todos", "title", $"before {fault}"); // whoever comes now gets what there was
        Assert.Equal(DemoService.Shown(before), DemoService.Shown(await ann.WaitAsync(_ => true, "anything")));

        await demo.Database.ExecuteAsync(mend.Replace("{role}", role, StringComparison.Ordinal));
        await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'after {fault}' WHERE title = 'before {fault}'");
        var view = await ann.WaitForAsync("todos", "title", $"after {fault}");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await bob.WaitForAsync("todos", "title", $"after {fault}")));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    /// <summary>The demo, by a role that may just replicate and read.</summary>
    public sealed class RestrictedDemo : IAsyncLifetime
    {
        internal DemoService Demo { get; private set; } = null!;

        internal string Role => $"{Demo.Database.Name}_role";

        public async ValueTask InitializeAsync()
        {
            Demo = await DemoService.CreateAsync(cluster: null, OperatorClient.Setting);
            await Demo.Database.ExecuteAsync(
                $"CREATE ROLE {Role} LOGIN REPLICATION; GRANT SELECT ON lists, members, todos TO {Role}; CREATE PUBLICATION topgun FOR TABLE lists, members, todos");
            Demo.Process.Configure("TOPGUN_SOURCE_URL", new NpgsqlConnectionStringBuilder(Demo.Database.ConnectionString) { Username = Role }.ConnectionString);
            await Demo.Process.StartAsync();
        }

        public async ValueTask DisposeAsync()
        {
            if (Demo is null)
                return;
            await Demo.Process.StopAsync();
            await Demo.Database.ExecuteAsync($"DROP OWNED BY {Role}; DROP ROLE {Role}");
            await Demo.DisposeAsync();
        }
    }
}

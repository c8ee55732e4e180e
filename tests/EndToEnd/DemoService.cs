using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A fresh database with the demo's tables, and a service that replicates it by the demo's rules.</summary>
internal sealed class DemoService : IAsyncDisposable
{
    /// <summary>The list that Ann and Bob share.</summary>
    public const string SharedList = "a0000000-0000-4000-8000-000000000001";

    /// <summary>A list of Ann's alone.</summary>
    public const string AnnsList = "a0000000-0000-4000-8000-000000000002";

    /// <summary>A list of Bob's alone.</summary>
    public const string BobsList = "a0000000-0000-4000-8000-000000000003";

    /// <summary>The one todo in <see cref="AnnsList"/>.</summary>
    public const string AnnsTodo = "c0000000-0000-4000-8000-000000000003";

    private readonly List<ProtocolClient> _clients = [];

    private DemoService(PostgresDatabase database, ServiceProcess process)
    {
        Database = database;
        Process = process;
    }

    public static string Rules => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "demo/sync-rules.yaml"));

    public static string Schema => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "demo/schema.sql"));

    public PostgresDatabase Database { get; }

    public ServiceProcess Process { get; }

    /// <summary>Makes the database and the service, not yet started.</summary>
    public static Task<DemoService> CreateAsync(PostgresCluster? cluster = null, params (string Name, string Value)[] settings) =>
        CreateAsync(Rules, cluster, settings);

    /// <summary>Makes the database and the service and waits until it is ready.</summary>
    public static Task<DemoService> StartAsync(params (string Name, string Value)[] settings) => StartAsync(Rules, settings);

    /// <summary>As the other, with other rules for the demo's tables.</summary>
    public static async Task<DemoService> StartAsync(string rules, params (string Name, string Value)[] settings)
    {
        var demo = await CreateAsync(rules, cluster: null, settings);
        try
        {
            await demo.Process.StartAsync();
            return demo;
        }
        catch
        {
            await demo.DisposeAsync();
            throw;
        }
    }

    /// <summary>As <see cref="StartAsync(ValueTuple{string, string}[])"/>, with its store in the database that it replicates.</summary>
    public static async Task<DemoService> StartWithPostgresStoreAsync(PostgresCluster? cluster = null, params (string Name, string Value)[] settings)
    {
        var demo = await CreateAsync(cluster, settings);
        try
        {
            foreach (var (name, value) in demo.PostgresStore)
                demo.Process.Configure(name, value);
            await demo.Process.StartAsync();
            return demo;
        }
        catch
        {
            await demo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Settings of a store in the database that is replicated.</summary>
    public (string Name, string Value)[] PostgresStore => [("STORAGE_BACKEND", "postgres"), ("DATABASE_URL", Database.ConnectionString)];

    /// <summary>A process, not yet started, that serves clients from the Postgres store of this one.</summary>
    public ServiceProcess CreateReader(params (string Name, string Value)[] settings) =>
        new(Database.ConnectionString, "", [.. PostgresStore, ("TOPGUN_ROLE", "reader"), ("TOPGUN_RULES", ""), .. settings]);

    /// <summary>A connected client of a user.</summary>
    /// <param name="user">Who it is.</param>
    /// <param name="history">What was seen under each op id, to be shared by clients.</param>
    /// <param name="process">Process to connect to, in place of <see cref="Process"/>.</param>
    public ProtocolClient Connect(string user, OpHistory? history = null, ServiceProcess? process = null)
    {
        var client = new ProtocolClient((process ?? Process).Url, user, history).Start();
        _clients.Add(client);
        return client;
    }

    /// <summary>What the status says of replication, as JSON; the operator API has to be open.</summary>
    public async Task<string> ReadReplicationStatusAsync()
    {
        var (status, body) = await new OperatorClient(Process).SendAsync(HttpMethod.Get, "/api/admin/v1/status", yaml: null);
        Assert.Equal(System.Net.HttpStatusCode.OK, status);
        return body["data"]!["replication"]!.ToJsonString();
    }

    /// <summary>What Postgres says a user should have: table, id and title or name or user of every row.</summary>
    public async Task<IReadOnlyList<string>> ExpectedAsync(string user)
    {
        await using var command = Database.DataSource.CreateCommand(
            """
            WITH mine AS (SELECT list_id FROM members WHERE user_id = $1)
            SELECT 'lists/' || id || '/' || name FROM lists WHERE id IN (SELECT list_id FROM mine)
            UNION ALL
            SELECT 'members/' || id || '/' || user_id FROM members WHERE list_id IN (SELECT list_id FROM mine)
            UNION ALL
            SELECT 'todos/' || id || '/' || title || '/' || done::int FROM todos WHERE list_id IN (SELECT list_id FROM mine)
            """);
        command.Parameters.AddWithValue(user);
        var rows = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            rows.Add(reader.GetString(0));
        return [.. rows.Order(StringComparer.Ordinal)];
    }

    /// <summary>A client's rows in the form of <see cref="ExpectedAsync"/>.</summary>
    public static IReadOnlyList<string> Shown(ClientView view) =>
        [.. view.Rows.Select(Shown).Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            await client.DisposeAsync();
        await Process.DisposeAsync();
        await Database.DisposeAsync();
    }

    private static async Task<DemoService> CreateAsync(string rules, PostgresCluster? cluster, (string Name, string Value)[] settings)
    {
        var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync(Schema);
        return new DemoService(database, new ServiceProcess(database.ConnectionString, rules, settings));
    }

    private static string Shown(RowCopy row) => row.Type switch
    {
        "lists" => $"lists/{row.Id}/{row["name"]}",
        "members" => $"members/{row.Id}/{row["user_id"]}",
        _ => $"todos/{row.Id}/{row["title"]}/{row["done"]}",
    };
}

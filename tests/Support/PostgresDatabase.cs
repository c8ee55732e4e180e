using System.Globalization;
using Npgsql;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>A fresh database in the server at <c>TOPGUN_TEST_POSTGRES</c>, or in this process's own cluster; dropped, with its slots, after the test.</summary>
public sealed class PostgresDatabase : IAsyncDisposable
{
    private static int _created;

    private readonly string _server;

    private PostgresDatabase(string server, string name)
    {
        _server = server;
        Name = name;
        ConnectionString = new NpgsqlConnectionStringBuilder(server) { Database = name, Pooling = false }.ConnectionString;
        DataSource = NpgsqlDataSource.Create(ConnectionString);
    }

    /// <summary>Name of the database.</summary>
    public string Name { get; }

    /// <summary>Keywords to connect to it as superuser, without pooling.</summary>
    public string ConnectionString { get; }

    /// <summary>Sessions of a superuser. Not pooled: tests restart the server, and none should meet a connection from before.</summary>
    public NpgsqlDataSource DataSource { get; }

    /// <summary>Creates a database; without a cluster in the server of <c>TOPGUN_TEST_POSTGRES</c> or the shared one.</summary>
    public static async Task<PostgresDatabase> CreateAsync(PostgresCluster? cluster = null)
    {
        var server = cluster?.ConnectionString() ?? await FindServerAsync();
        // The process id keeps test processes apart that share one server.
        var name = string.Create(
            CultureInfo.InvariantCulture, $"topgun_test_{Environment.ProcessId}_{Interlocked.Increment(ref _created)}");
        await ExecuteAsync(server, $"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        return new PostgresDatabase(server, name);
    }

    /// <summary>Creates a database in the shared cluster of a version; skips the running test when there is none.</summary>
    public static async Task<PostgresDatabase> CreateAsync(int version) => await CreateAsync(await PostgresCluster.GetSharedAsync(version));

    /// <summary>The copy of this database that another cluster has.</summary>
    public PostgresDatabase At(PostgresCluster cluster) => new(cluster.ConnectionString(), Name);

    /// <summary>Runs statements that return nothing.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Reads the first column of the first row.</summary>
    public async Task<T?> ReadAsync<T>(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken) is T value ? value : default;
    }

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        try
        {
            await ExecuteAsync(
                _server,
                $"SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE database = '{Name}' AND active",
                $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{Name}'",
                $"DROP DATABASE IF EXISTS {Name} WITH (FORCE)");
        }
        catch (NpgsqlException failure) when (failure.InnerException is System.Net.Sockets.SocketException)
        {
            // The test has stopped its server; the database went with it.
        }
    }

    private static async Task<string> FindServerAsync() =>
        Environment.GetEnvironmentVariable("TOPGUN_TEST_POSTGRES") is { Length: > 0 } server
            ? server
            : (await PostgresCluster.GetSharedAsync()).ConnectionString();

    private static async Task ExecuteAsync(string server, params string[] statements)
    {
        await using var connection = new NpgsqlConnection(server + ";Pooling=false");
        await connection.OpenAsync();
        foreach (var statement in statements)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}

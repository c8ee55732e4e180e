using System.Globalization;
using Npgsql;

namespace TopGun.Buckets.Quickstart;

/// <summary>A database of the demo's own on the given server; it goes, with the service's slot, when the demo ends.</summary>
internal sealed class DemoDatabase : IAsyncDisposable
{
    private readonly string _server;
    private readonly string _name;
    private readonly NpgsqlDataSource _source;

    private DemoDatabase(string server, string name)
    {
        _server = server;
        _name = name;
        ConnectionString = new NpgsqlConnectionStringBuilder(server) { Database = name }.ConnectionString;
        _source = NpgsqlDataSource.Create(ConnectionString);
    }

    public string ConnectionString { get; }

    /// <summary>Creates the database with the demo's tables and rows; waits while the server starts.</summary>
    public static async Task<DemoDatabase> CreateAsync(string server, string schemaPath, CancellationToken cancellationToken)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"topgun_quickstart_{Environment.ProcessId}");
        await WaitForServerAsync(server, cancellationToken);
        await RunAsync(server, $"CREATE DATABASE {name}");
        var database = new DemoDatabase(server, name);
        await database.ExecuteAsync(await File.ReadAllTextAsync(schemaPath, cancellationToken), cancellationToken);
        return database;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = _source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Text of the first column of the first row, or null.</summary>
    public async Task<string?> ReadAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = _source.CreateCommand(sql);
        return (await command.ExecuteScalarAsync(cancellationToken))?.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        try
        {
            await RunAsync(_server, $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{_name}'");
            await RunAsync(_server, $"DROP DATABASE {_name} WITH (FORCE)");
        }
        catch (NpgsqlException failure)
        {
            await Console.Error.WriteLineAsync($"quickstart: the database {_name} could not be dropped: {failure.Message}");
        }
    }

    private static async Task WaitForServerAsync(string server, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await RunAsync(server, "SELECT 1");
                return;
            }
            catch (NpgsqlException) when (attempt < 240) // a minute: a container's first start runs initdb
            {
                await Task.Delay(250, cancellationToken);
            }
        }
    }

    private static async Task RunAsync(string server, string statement)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync();
    }
}

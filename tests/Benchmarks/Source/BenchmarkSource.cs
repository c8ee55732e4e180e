using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Benchmarks.Source;

/// <summary>A Postgres server of our own, set up as a busy production server is: commits wait for the disk.</summary>
internal sealed class BenchmarkSource : IAsyncDisposable
{
    private readonly PostgresCluster _cluster;

    private BenchmarkSource(PostgresCluster cluster)
    {
        _cluster = cluster;
        // Sessions are kept open, so that a measured span does not hold the start of one.
        DataSource = NpgsqlDataSource.Create(ConnectionString);
    }

    public NpgsqlDataSource DataSource { get; }

    public string ConnectionString => _cluster.ConnectionString();

    /// <summary>In the form that Postgres' own programs and the service understand.</summary>
    public string Uri => $"postgres://postgres@127.0.0.1:{_cluster.Port}/postgres";

    public static async Task<BenchmarkSource> StartAsync(CancellationToken cancellationToken)
    {
        var options = new PostgresClusterOptions
        {
            Fsync = true,
            Settings = new Dictionary<string, string>
            {
                ["shared_buffers"] = "512MB",
                ["max_wal_size"] = "8GB", // no checkpoint but the ones that are asked for
                ["checkpoint_timeout"] = "1h",
                ["autovacuum"] = "off", // would take a core whenever it likes
                ["wal_sender_timeout"] = "5min", // a held service must not lose its stream
            },
        };
        return new BenchmarkSource(await PostgresCluster.StartAsync(options, cancellationToken));
    }

    /// <summary>One of the programs that come with the server that runs.</summary>
    public string Program(string name)
    {
        var server = File.ResolveLinkTarget($"/proc/{_cluster.ProcessId}/exe", returnFinalTarget: true);
        string[] folders = [Path.GetDirectoryName(server?.FullName) ?? "", .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')];
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException($"{name} is neither beside the server's programs nor in PATH: it comes with Postgres' client package.");
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = DataSource.CreateCommand(sql);
        command.CommandTimeout = 0;
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Reads the first column of the first row; the type's default when it is null or there is none.</summary>
    public async Task<T?> ReadAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = DataSource.CreateCommand(sql);
        return await command.ExecuteScalarAsync(cancellationToken) is T value ? value : default;
    }

    /// <summary>End of the WAL that has reached the disk.</summary>
    public Task<Lsn> FlushedAsync(CancellationToken cancellationToken) => LsnAsync("pg_current_wal_flush_lsn()", cancellationToken);

    /// <summary>A position that the server knows; zero when it is null.</summary>
    public async Task<Lsn> LsnAsync(string expression, CancellationToken cancellationToken) =>
        await ReadAsync<string>($"SELECT ({expression})::text", cancellationToken) is { } text ? Lsn.Parse(text) : Lsn.None;

    /// <summary>Drops every slot whose name starts so; they must not be in use.</summary>
    public Task DropSlotsAsync(string prefix, CancellationToken cancellationToken) => ExecuteAsync(
        $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE starts_with(slot_name, '{prefix}')", cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}

using System.Globalization;
using Npgsql;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>How the store's server is reached.</summary>
internal sealed class StoreConnections : IAsyncDisposable
{
    // A session that stands still in a transaction holds locks that the next writer needs; no transaction of ours waits for anything but the server.
    private const int IdleInTransactionSeconds = 10;
    private const int StatementSeconds = 120; // a server that does not answer for so long is taken for gone

    private readonly NpgsqlConnectionStringBuilder _parameters;

    /// <param name="connectionString">In Npgsql's form.</param>
    /// <param name="schema">Schema of the tables.</param>
    public StoreConnections(string connectionString, string schema)
    {
        var given = new NpgsqlConnectionStringBuilder(connectionString);
        Name = $"{given.Host}:{given.Port}/{given.Database}, schema {schema}";
        given.Options = string.Join(' ', new[]
        {
            given.Options,
            "-c synchronous_commit=on", // a role's default of 'off' would call durable what is not
            string.Create(CultureInfo.InvariantCulture, $"-c idle_in_transaction_session_timeout={IdleInTransactionSeconds}s"),
            "-c search_path=pg_catalog",
            "-c client_min_messages=warning",
            // Every query of ours is served by a primary key; what the planner thinks of the sizes must not change that.
            "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off",
        }.Where(option => !string.IsNullOrEmpty(option)));
        given.Pooling = true;
        given.MaxPoolSize = Math.Min(given.MaxPoolSize, 20); // reads of cold buckets at the same time; the grid bounds them lower
        given.MinPoolSize = 0;
        given.TcpKeepAlive = true;
        given.TcpKeepAliveTime = 10;
        given.TcpKeepAliveInterval = 3;
        given.CommandTimeout = StatementSeconds;
        given.MaxAutoPrepare = 20;
        given.AutoPrepareMinUsages = 2;
        given.ApplicationName = ReaderName(schema);
        Reads = NpgsqlDataSource.Create(given.ConnectionString);
        given.Pooling = false;
        given.MaxAutoPrepare = 0;
        _parameters = given;
    }

    /// <summary>The store in messages: server, database and schema, nothing secret.</summary>
    public string Name { get; }

    /// <summary>Pooled sessions that read.</summary>
    public NpgsqlDataSource Reads { get; }

    /// <summary>Opens a session that is not shared.</summary>
    public async ValueTask<NpgsqlConnection> OpenAsync(string applicationName, CancellationToken cancellationToken)
    {
        var parameters = new NpgsqlConnectionStringBuilder(_parameters.ConnectionString) { ApplicationName = applicationName };
        var connection = new NpgsqlConnection(parameters.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Name of a writer's sessions: a later writer ends those of an earlier one by it.</summary>
    public static string WriterName(string schema, long fence) =>
        string.Create(CultureInfo.InvariantCulture, $"topgun writer {fence} of {Shortened(schema)}");

    private static string ReaderName(string schema) => $"topgun reader of {Shortened(schema)}";

    private static string Shortened(string schema) => schema.Length <= 30 ? schema : schema[..30]; // Postgres keeps 63 bytes of the whole

    public ValueTask DisposeAsync() => Reads.DisposeAsync();
}

using System.Globalization;
using System.Text.Json;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A source where everything happens, and a service that gives everybody every table whose name begins with <c>f</c>, under its own name.</summary>
public sealed class FaultySource : IAsyncLifetime
{
    private const string Rules = """
        bucket_definitions:
          all:
            data:
              - SELECT * FROM "f%"
          shown:
            data:
              - SELECT id, body FROM shown_docs WHERE shown = 1
        """;

    private PostgresCluster? _cluster;
    private int _prefixes;

    public PostgresDatabase Database { get; private set; } = null!;

    public ServiceProcess Service { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["max_prepared_transactions"] = "5" } }, TestContext.Current.CancellationToken);
        Database = await PostgresDatabase.CreateAsync(_cluster);
        await Database.ExecuteAsync(
            $"""
             CREATE TABLE first (id int PRIMARY KEY, v int); INSERT INTO first VALUES (1, 1);
             CREATE TABLE shown_docs (id text PRIMARY KEY, shown int, body text); ALTER TABLE shown_docs ALTER body SET STORAGE EXTERNAL;
             ALTER DATABASE {Database.Name} SET extra_float_digits = -10; ALTER DATABASE {Database.Name} SET DateStyle = 'German';
             ALTER DATABASE {Database.Name} SET IntervalStyle = 'sql_standard'; ALTER DATABASE {Database.Name} SET TimeZone = 'Asia/Kathmandu';
             """);
        // With the event trigger nobody waits for the next look into the catalogue.
        Service = new ServiceProcess(Database.ConnectionString, Rules, ("TOPGUN_DDL_TRIGGER", "on"), OperatorClient.Setting);
        await Service.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Service is not null)
            await Service.DisposeAsync();
        if (Database is not null)
            await Database.DisposeAsync();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    /// <summary>What the names of one test's tables begin with.</summary>
    public string NextPrefix() => string.Create(CultureInfo.InvariantCulture, $"f{Interlocked.Increment(ref _prefixes)}x");

    /// <summary>What Postgres has in the tables of a prefix: a text for each row, in order.</summary>
    public async Task<IReadOnlyList<string>> ExpectedAsync(string prefix)
    {
        var tables = new List<string>();
        await using (var command = Database.DataSource.CreateCommand(
            $"SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND starts_with(relname, '{prefix}')"))
        await using (var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken))
        {
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
                tables.Add(reader.GetString(0));
        }
        var rows = new List<string>();
        foreach (var table in tables)
        {
            // Generated columns are not in the stream, so nobody gets them.
            await using var command = Database.DataSource.CreateCommand(
                $"""
                 SELECT to_jsonb(t) ->> 'id', (to_jsonb(t) - ARRAY(
                     SELECT attname::text FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attgenerated <> ''))::text
                 FROM {table} t
                 """);
            await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
                rows.Add(Text(table, reader.GetString(0), reader.GetString(1)));
        }
        return [.. rows.Order(StringComparer.Ordinal)];
    }

    /// <summary>What a client shows of them, in the same form.</summary>
    public static IReadOnlyList<string> Shown(ClientView view, string prefix) =>
        [.. view.Rows.Where(row => row.Type.StartsWith(prefix, StringComparison.Ordinal)).Select(row => Text(row.Type, row.Id, row.Data)).Order(StringComparer.Ordinal)];

    private static string Text(string table, string id, string json)
    {
        using var row = JsonDocument.Parse(json);
        var columns = row.RootElement.EnumerateObject()
            .Where(column => column.Name != "id" && column.Value.ValueKind != JsonValueKind.Null)
            .Select(column => $"{column.Name}={column.Value}")
            .Order(StringComparer.Ordinal);
        return string.Join('|', [$"{table}/{id}", .. columns]);
    }
}

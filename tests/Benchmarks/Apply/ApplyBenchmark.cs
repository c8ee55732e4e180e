using System.Diagnostics;
using SQLitePCL;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>The .NET client's first sync of some rows from a service that is never late, beside a raw load of the same rows into the same table.</summary>
internal static class ApplyBenchmark
{
    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var rows = arguments.Int("apply-rows", 200_000);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();
        await MeasureAsync(rows, rounds, cancellationToken);
    }

    public static async Task MeasureAsync(int rows, int rounds, CancellationToken cancellationToken)
    {
        var recorded = RecordedStream.Create(rows);
        await using var service = await RecordedService.StartAsync(recorded.Lines, cancellationToken);
        var table = default(ClientTable);

        async Task<double> SyncAsync()
        {
            var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
            try
            {
                var file = Path.Combine(folder.FullName, "client.db");
                var seconds = await FirstSyncAsync(file, service.Address, cancellationToken);
                table = ClientTable.Read(file);
                return table.Rows == rows
                    ? rows / seconds
                    : throw new InvalidDataException($"The client has {table.Rows} of {rows} rows.");
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }

        await SyncAsync(); // compiles the client, and tells how it lays out the table
        var (figure, limit) = await Rounds.AlternateAsync(
            rounds,
            figure: SyncAsync,
            limit: () => Task.FromResult(RawSqliteLoad.RowsPerSecond(table.Sql, table.Name, recorded.Rows)));

        new Measurement("apply", figure, "rows/s", limit, "raw SQLite load of the same rows and table shape")
        {
            Parameters = new()
            {
                ["rows"] = rows,
                ["bytes"] = recorded.Lines.Length,
                ["table"] = table.Sql,
                ["rounds"] = rounds,
            },
        }.Print();
    }

    /// <returns>Seconds from connecting until the client says that it is in step.</returns>
    private static async Task<double> FirstSyncAsync(string file, Uri service, CancellationToken cancellationToken)
    {
        await using var client = await BucketsClient.OpenAsync(
            new BucketsClientOptions
            {
                DatabasePath = file,
                Schema = new LocalSchema(new LocalTable(
                    "tasks",
                    LocalColumn.Text("list_id"),
                    LocalColumn.Text("owner_id"),
                    LocalColumn.Text("description"),
                    LocalColumn.Integer("done"),
                    LocalColumn.Integer("priority"),
                    LocalColumn.Text("created_at"),
                    LocalColumn.Text("done_at"))),
                Endpoint = service,
                Credentials = CredentialsFrom.Token(ClientToken.For(BenchmarkData.ClientUser)),
            },
            cancellationToken);
        var start = Stopwatch.GetTimestamp();
        await client.ConnectAsync(cancellationToken);
        var status = await client.WaitForStatusAsync(status => status.HasSynced || status.DownloadError is not null, cancellationToken);
        return status.DownloadError is { } failure
            ? throw new InvalidOperationException("The client could not sync.", failure)
            : Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The table that holds the rows in the client's file.</summary>
    private readonly record struct ClientTable(string Name, string Sql, long Rows)
    {
        public static ClientTable Read(string file)
        {
            if (raw.sqlite3_open(file, out var database) != raw.SQLITE_OK)
                throw new InvalidOperationException($"{file} cannot be opened.");
            using (database)
            {
                const string Find = "FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_tasks' ESCAPE '\\'";
                var name = Text(database, $"SELECT name {Find}");
                return new ClientTable(
                    name,
                    Text(database, $"SELECT sql {Find}"),
                    long.Parse(Text(database, $"SELECT count(*) FROM \"{name}\""), System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        private static string Text(sqlite3 database, string sql)
        {
            raw.sqlite3_prepare_v2(database, sql, out var statement);
            using (statement)
            {
                return raw.sqlite3_step(statement) == raw.SQLITE_ROW
                    ? raw.sqlite3_column_text(statement, 0).utf8_to_string()
                    : throw new InvalidOperationException($"SQLite has no answer to: {sql}");
            }
        }
    }
}

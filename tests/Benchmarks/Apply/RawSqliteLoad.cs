using System.Diagnostics;
using SQLitePCL;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>
/// The limit of applying: the same rows put into a table of the same shape by one prepared statement in one transaction, and the same changes by another.
/// </summary>
internal static class RawSqliteLoad
{
    /// <summary>Rows in a second.</summary>
    public readonly record struct Rates(double Load, double Changes);

    /// <param name="createTable">How the client made the table.</param>
    /// <param name="table">Its name; its columns are <c>id</c> and <c>data</c>.</param>
    /// <param name="recorded">Rows and changes.</param>
    public static Rates Measure(string createTable, string table, RecordedStream recorded)
    {
        Batteries_V2.Init();
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            using var database = Open(Path.Combine(folder.FullName, "raw.db"));
            Run(database, createTable);
            var insert = $"INSERT INTO \"{table}\"(id, data) VALUES(?, ?)";
            var start = Stopwatch.GetTimestamp();
            Write(database, insert, recorded.Rows);
            var load = recorded.Rows.Count / Stopwatch.GetElapsedTime(start).TotalSeconds;

            start = Stopwatch.GetTimestamp();
            foreach (var changes in recorded.Changes.Chunk(RecordedStream.OpsPerCheckpoint))
                Write(database, $"{insert} ON CONFLICT(id) DO UPDATE SET data = excluded.data", changes);
            return new Rates(load, recorded.Changes.Count / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Opens a database with the client's settings.</summary>
    public static sqlite3 Open(string file)
    {
        Check(raw.sqlite3_open(file, out var database));
        foreach (var pragma in (string[])["journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -51200"])
            Run(database, $"PRAGMA {pragma}");
        return database;
    }

    public static void Run(sqlite3 database, string sql) => Check(raw.sqlite3_exec(database, sql));

    /// <summary>Runs a statement for each row, all in one transaction.</summary>
    public static void Write(sqlite3 database, string sql, IEnumerable<(byte[] Id, byte[] Data)> rows)
    {
        Run(database, "BEGIN");
        Check(raw.sqlite3_prepare_v2(database, sql, out var statement));
        using (statement)
        {
            foreach (var (id, data) in rows)
            {
                Check(raw.sqlite3_bind_text(statement, 1, (ReadOnlySpan<byte>)id));
                Check(raw.sqlite3_bind_text(statement, 2, (ReadOnlySpan<byte>)data));
                Check(raw.sqlite3_step(statement), raw.SQLITE_DONE);
                Check(raw.sqlite3_reset(statement));
            }
        }
        Run(database, "COMMIT");
    }

    private static void Check(int result, int expected = raw.SQLITE_OK)
    {
        if (result != expected)
            throw new InvalidOperationException($"SQLite answered {result}: {raw.sqlite3_errstr(result).utf8_to_string()}.");
    }
}

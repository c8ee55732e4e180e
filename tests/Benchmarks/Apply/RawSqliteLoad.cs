using System.Diagnostics;
using SQLitePCL;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>The limit of applying: the same rows put into a table of the same shape by one prepared statement in one transaction.</summary>
internal static class RawSqliteLoad
{
    /// <param name="createTable">How the client made the table.</param>
    /// <param name="table">Its name; its columns are <c>id</c> and <c>data</c>.</param>
    /// <param name="rows">Id and JSON, UTF-8.</param>
    /// <returns>Rows in a second, from the first statement until the commit has returned.</returns>
    public static double RowsPerSecond(string createTable, string table, IReadOnlyList<(byte[] Id, byte[] Data)> rows)
    {
        Batteries_V2.Init();
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            Check(raw.sqlite3_open(Path.Combine(folder.FullName, "raw.db"), out var database));
            using (database)
            {
                // The client's settings.
                foreach (var pragma in (string[])["journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -51200"])
                    Check(raw.sqlite3_exec(database, $"PRAGMA {pragma}"));
                Check(raw.sqlite3_exec(database, createTable));
                var start = Stopwatch.GetTimestamp();
                Load(database, table, rows);
                return rows.Count / Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Load(sqlite3 database, string table, IReadOnlyList<(byte[] Id, byte[] Data)> rows)
    {
        Check(raw.sqlite3_exec(database, "BEGIN"));
        Check(raw.sqlite3_prepare_v2(database, $"INSERT INTO \"{table}\"(id, data) VALUES(?, ?)", out var insert));
        using (insert)
        {
            foreach (var (id, data) in rows)
            {
                Check(raw.sqlite3_bind_text(insert, 1, (ReadOnlySpan<byte>)id));
                Check(raw.sqlite3_bind_text(insert, 2, (ReadOnlySpan<byte>)data));
                Check(raw.sqlite3_step(insert), raw.SQLITE_DONE);
                Check(raw.sqlite3_reset(insert));
            }
        }
        Check(raw.sqlite3_exec(database, "COMMIT"));
    }

    private static void Check(int result, int expected = raw.SQLITE_OK)
    {
        if (result != expected)
            throw new InvalidOperationException($"SQLite answered {result}: {raw.sqlite3_errstr(result).utf8_to_string()}.");
    }
}

using System.Diagnostics;
using System.Text;
using SQLitePCL;

namespace TopGun.Buckets.Tests.Benchmarks.Store;

/// <summary>What a store would be in SQLite: a row for each operation, keyed by bucket and op id.</summary>
internal static class RawSqliteOps
{
    /// <returns>Seconds until the last transaction has been committed.</returns>
    public static double Seconds(string folder, OpShape shape, int perTransaction)
    {
        Batteries_V2.Init();
        var path = Path.Combine(folder, "raw.db");
        Check(raw.sqlite3_open(path, out var database));
        using (database)
        {
            foreach (var statement in (string[])[
                "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA cache_size = -51200",
                "CREATE TABLE op(bucket TEXT, op_id INTEGER, data BLOB, PRIMARY KEY(bucket, op_id)) WITHOUT ROWID"])
                Check(raw.sqlite3_exec(database, statement));
            var random = new Random(1);
            var start = Stopwatch.GetTimestamp();
            Check(raw.sqlite3_prepare_v2(database, "INSERT INTO op VALUES(?, ?, ?)", out var insert));
            using (insert)
            {
                for (var op = 0; op < shape.OpCount; op++)
                {
                    if (op % perTransaction == 0)
                        Check(raw.sqlite3_exec(database, "BEGIN"));
                    Check(raw.sqlite3_bind_text(insert, 1, (ReadOnlySpan<byte>)Encoding.UTF8.GetBytes(shape.Name(random.Next(shape.BucketCount)))));
                    Check(raw.sqlite3_bind_int64(insert, 2, op));
                    Check(raw.sqlite3_bind_blob(insert, 3, shape.Fragment));
                    Check(raw.sqlite3_step(insert), raw.SQLITE_DONE);
                    Check(raw.sqlite3_reset(insert));
                    if ((op + 1) % perTransaction == 0)
                        Check(raw.sqlite3_exec(database, "COMMIT"));
                }
            }
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static void Check(int result, int expected = raw.SQLITE_OK)
    {
        if (result != expected)
            throw new InvalidOperationException($"SQLite answered {result}.");
    }
}

using SQLitePCL;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>The size of a file with the same rows in the tables and indexes of the PowerSync clients: each row in the operations, and again in its table.</summary>
internal static class ReferenceLayout
{
    public static long FileBytes(RecordedStream recorded)
    {
        Batteries_V2.Init();
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            var file = Path.Combine(folder.FullName, "reference.db");
            using (var database = RawSqliteLoad.Open(file))
            {
                RawSqliteLoad.Run(database, "CREATE TABLE ps_oplog(bucket INTEGER NOT NULL, op_id INTEGER NOT NULL, row_type TEXT, row_id TEXT, key TEXT, data TEXT, hash INTEGER NOT NULL)");
                RawSqliteLoad.Run(database, "CREATE INDEX ps_oplog_row ON ps_oplog(row_type, row_id)");
                RawSqliteLoad.Run(database, "CREATE INDEX ps_oplog_opid ON ps_oplog(bucket, op_id)");
                RawSqliteLoad.Run(database, "CREATE INDEX ps_oplog_key ON ps_oplog(bucket, key)");
                RawSqliteLoad.Run(database, "CREATE TABLE ps_data__tasks(id TEXT PRIMARY KEY NOT NULL, data TEXT)");
                // A line of 1000 operations a transaction, as it applies them.
                foreach (var rows in recorded.Rows.Chunk(1000))
                {
                    RawSqliteLoad.Write(
                        database,
                        "INSERT INTO ps_oplog(bucket, op_id, row_type, row_id, key, data, hash) "
                        + "VALUES(1, (SELECT coalesce(max(op_id), 0) + 1 FROM ps_oplog WHERE bucket = 1), 'tasks', ?1, 'tasks/' || ?1 || '/' || ?1, ?2, abs(random() % 4294967296))",
                        rows);
                }
                RawSqliteLoad.Run(database, "INSERT INTO ps_data__tasks(id, data) SELECT row_id, data FROM ps_oplog");
                RawSqliteLoad.Run(database, "PRAGMA wal_checkpoint(TRUNCATE)");
            }
            return new FileInfo(file).Length;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

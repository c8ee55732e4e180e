using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.Care;

/// <summary>Compares what the device shows with the operations that it was made from. Reads one state of the database.</summary>
internal static class Verification
{
    public static VerifyReport Run(Database database, LocalSchema schema)
    {
        var problems = new List<VerifyProblem>();
        CheckFile(database, problems);
        var complete = BulkDownload.State(database) == BulkState.Settled; // until then operations and rows are still apart
        if (complete)
        {
            CheckSums(database, problems);
            foreach (var rows in StoredRows.Of(database, schema))
                CheckRows(database, rows, problems);
        }
        return new VerifyReport(problems, complete);
    }

    private static void CheckFile(Database database, List<VerifyProblem> problems)
    {
        var statement = database.Prepare("PRAGMA quick_check(10)");
        while (statement.Step())
        {
            if (statement.Text(0) is { } finding and not "ok")
                problems.Add(new VerifyProblem(VerifyProblemKind.DamagedFile, finding));
        }
    }

    private static void CheckSums(Database database, List<VerifyProblem> problems)
    {
        var statement = database.Prepare(
            "SELECT name FROM tg_bucket b WHERE sum_live <> (SELECT coalesce(sum(hash), 0) & 4294967295 FROM tg_op o WHERE o.bucket = b.id) ORDER BY name");
        while (statement.Step())
            problems.Add(new VerifyProblem(VerifyProblemKind.BucketSum, statement.Text(0)!));
    }

    private static void CheckRows(Database database, StoredRows rows, List<VerifyProblem> problems)
    {
        Add(VerifyProblemKind.RowWithoutOperation, database.Prepare(
            $"SELECT count(*), min(id) FROM ({rows.Ids}) r WHERE NOT EXISTS(SELECT 1 FROM tg_op o WHERE o.row_id = r.id AND o.type = ?1) "
            + "AND NOT EXISTS(SELECT 1 FROM tg_dirty m WHERE m.type = ?1 AND m.row_id = r.id)"));
        Add(VerifyProblemKind.OperationWithoutRow, database.Prepare(
            "SELECT count(DISTINCT o.row_id), min(o.row_id) FROM tg_op o JOIN tg_bucket b ON b.id = o.bucket AND o.op_id <= b.published_op WHERE o.type = ?1 "
            + $"AND NOT EXISTS(SELECT 1 FROM ({rows.Ids}) r WHERE r.id = o.row_id) "
            + "AND NOT EXISTS(SELECT 1 FROM tg_dirty m WHERE m.type = ?1 AND m.row_id = o.row_id)"));

        void Add(VerifyProblemKind kind, Statement statement)
        {
            statement.Bind(1, rows.Type).Step();
            if (statement.Int64(0) is > 0 and var count)
                problems.Add(new VerifyProblem(kind, rows.Name, count, statement.Text(1)));
            statement.Reset();
        }
    }
}

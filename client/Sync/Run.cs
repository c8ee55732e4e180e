using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>A batch of a first download, sorted by row, in a <see cref="RunFile"/>: a row of <c>tg_run</c>.</summary>
/// <param name="Start">Where its first part begins.</param>
/// <param name="End">Where its last part ends.</param>
/// <param name="Nonce">Random and its own, for its parts are sealed with it.</param>
internal readonly record struct Run(long Start, long End, long Nonce)
{
    /// <summary>A run behind all others.</summary>
    public static Run Begin(Database database)
    {
        var start = database.Prepare("SELECT max(end_at) FROM tg_run").RunInt64() ?? 0;
        return new Run(start, start, database.Prepare("SELECT random()").RunInt64()!.Value);
    }

    /// <summary>All of them, the oldest first.</summary>
    public static List<Run> All(Database database)
    {
        var runs = new List<Run>();
        var statement = database.Prepare("SELECT start_at, end_at, nonce FROM tg_run ORDER BY start_at");
        while (statement.Step())
            runs.Add(new Run(statement.Int64(0), statement.Int64(1), statement.Int64(2)));
        return runs;
    }

    /// <summary>Makes it count.</summary>
    public void Note(Database database) =>
        database.Prepare("INSERT INTO tg_run(start_at, end_at, nonce) VALUES(?, ?, ?)").Bind(1, Start).Bind(2, End).Bind(3, Nonce).Run();

    /// <summary>Forgets all of them, and the key to them.</summary>
    public static void ForgetAll(Database database)
    {
        database.Run("DELETE FROM tg_run");
        database.Run("DELETE FROM tg_meta WHERE key = 'run_key'");
    }
}

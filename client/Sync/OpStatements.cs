using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>The statements that run once per operation.</summary>
/// <remarks>A subkey that is the row's id, as it nearly always is, is stored as an empty BLOB, which no text equals.</remarks>
internal sealed class OpStatements(Database database)
{
    public Statement Insert { get; } = database.Keep(
        "INSERT INTO tg_op(bucket, op_id, type, row_id, subkey, hash, data) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");

    /// <summary>The same where there can be no conflict.</summary>
    public Statement Append { get; } = database.Keep(
        "INSERT INTO tg_op(bucket, op_id, type, row_id, subkey, hash, data) VALUES(?, ?, ?, ?, ?, ?, ?)");

    public Statement Find { get; } = database.Keep(
        "SELECT rowid, hash FROM tg_op WHERE row_id = ? AND type = ? AND bucket = ? AND subkey = ?");

    public Statement Replace { get; } = database.Keep("UPDATE tg_op SET op_id = ?2, hash = ?3, data = ?4 WHERE rowid = ?1");

    public Statement Delete { get; } = database.Keep("DELETE FROM tg_op WHERE rowid = ?");

    /// <summary>Notes that a row of a bucket waits to be published.</summary>
    public Statement MarkNew { get; } = database.Keep("INSERT INTO tg_new(bucket, type, row_id) VALUES(?, ?, ?) ON CONFLICT DO NOTHING");

    public Statement MarkDirty { get; } = database.Keep("INSERT INTO tg_dirty(type, row_id, why) VALUES(?, ?, 1) ON CONFLICT DO NOTHING");

    public static Statement BindSubkey(Statement statement, int index, ReadOnlySpan<byte> id, ReadOnlySpan<byte> subkey) =>
        subkey.SequenceEqual(id) ? statement.BindBlob(index, []) : statement.Bind(index, subkey);
}

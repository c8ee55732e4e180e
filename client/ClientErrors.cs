using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client;

/// <summary>The client's named failures, one method each, so that a code means one thing.</summary>
internal static class ClientErrors
{
    public static BucketsException InvalidOption(string option, string rule) => new(
        "TGB6001", $"The option {option} is not valid: {rule}.", "Correct it where the client is created.");

    public static BucketsException InvalidSchema(string what) => new(
        "TGB6002", $"The schema cannot be used: {what}.", "Correct the table where the schema is declared.");

    public static BucketsException NewerFile(long version) => new(
        "TGB6003",
        $"The database file was written by a newer client library (layout {version}).",
        "Update the library, or open another file.");

    public static BucketsException CannotEncrypt() => new(
        "TGB6004",
        "A key was given, and the SQLite of this app cannot encrypt: the rows would lie in the file in plain text.",
        "Give SQLitePCL.raw a provider with a cipher, such as SQLite3 Multiple Ciphers, before the client is opened.");

    public static BucketsException WrongKey() => new(
        "TGB6005", "The database file cannot be read with the key that was given.", "Give the key that it was made with.");

    public static BucketsException OutOfOrder(string what) => new(
        "TGB6011", $"The service broke the order of lines: {what}.", "The connection is closed and tried again.");

    public static BucketsException ChecksumMismatch(IReadOnlyCollection<string> buckets) => new(
        "TGB6012",
        $"The checksum of {buckets.Count} bucket(s) differs from the service's, first of them {buckets.First()}.",
        "They are downloaded again.");

    public const string DownloadLostCode = "TGB6013";

    public static BucketsException DownloadLost() => new(
        DownloadLostCode, "What was kept of the first download beside the database is damaged or gone.", "The download begins again.");

    public static BucketsException OuterClientInsideTransaction() => new(
        "TGB6021",
        "The client was used inside one of its own write transactions, which would wait for itself for ever.",
        "Use the transaction that the delegate receives.");

    public static BucketsException PendingWrites(long count) => new(
        "TGB6022",
        $"{count} local write(s) have not been uploaded and would be lost.",
        "Upload them first, or clear with discardPendingWrites.");

    public static BucketsException TransactionOver() => new(
        "TGB6023", "The write transaction is over.", "Use it only inside the delegate that received it.");

    public static BucketsException NotConnected() => new(
        "TGB6024", "The client is not connected, so the service cannot be asked.", "Call ConnectAsync first.");

    public static BucketsException SyncedElsewhere() => new(
        "TGB6025",
        "Another client synchronises this database file, so it cannot be cleared or downloaded again from here.",
        "Do it there, or disconnect that client first.");

    public static BucketsException TransactionControl() => new(
        "TGB6026",
        "BEGIN, COMMIT and ROLLBACK as statements would end a transaction that the client has begun.",
        "Use WriteTransactionAsync, or BeginTransaction of a connection; SAVEPOINT works inside both.");

    public static BucketsException RolledBack() => new(
        "TGB6028",
        "SQLite has rolled the transaction back, because a statement failed in a way that leaves no other choice, or asked for it (OR ROLLBACK).",
        "Nothing of it was written; begin it again.");

    public static BucketsException ReturningThroughView(string table) => new(
        "TGB6029",
        $"This version of SQLite cannot insert into the view '{table}' and return rows: it would end the process.",
        "Leave RETURNING out, declare the table as native, or give SQLitePCL.raw a newer SQLite.");

    public static BucketsException Unreachable(string what, Exception? cause = null) => new(
        "TGB6030", $"The sync service cannot be reached: {what}", "The client tries again by itself.", cause);

    public static BucketsException TokenRejected(string what) => new(
        "TGB6031", $"The sync service rejected the token: {what}", "New credentials are asked for.");

    public static BucketsException Silence(TimeSpan timeout) => new(
        "TGB6032",
        $"Nothing arrived from the service for {timeout.TotalSeconds:0} seconds.",
        "The connection is treated as dead and opened again.");

    public static BucketsException OtherUser(string expected, string actual) => new(
        "TGB6033",
        $"The database holds the data of user '{expected}' and the token names '{actual}'.",
        "Clear the database first, open another file, or set AllowUserSwitch.");

    public static BucketsException UploadFailed(string what, Exception? cause = null) => new(
        "TGB6040", $"The upload handler failed: {what}", "The upload is tried again.", cause);

    public static BucketsException NoSuchParameter(string name) => new(
        "TGB6051", $"The command has no value for the parameter {name}.", "Add one of that name, with or without the sign before it.");

    public static BucketsException CannotMap(Type type, string why) => new(
        "TGB6050",
        $"A row cannot be read as {type.Name}: {why}.",
        "Match the constructor's parameters to the column names, or pass a function that reads the row.");
}

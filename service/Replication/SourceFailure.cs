using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>The failures of this room by name.</summary>
internal static class SourceFailure
{
    public const string Unreachable = "TGB1101";
    public const string SlotUnusable = "TGB1102";
    public const string Refused = "TGB1103";
    public const string ContinuityLost = "TGB1104";
    public const string Misconfigured = "TGB1105";
    public const string PublicationForbidden = "TGB1106";
    public const string Malformed = "TGB1107";
    public const string WriteCheckpointUnavailable = "TGB1108";
    public const string BadConnectionString = "TGB1109";
    public const string SlotInUse = "TGB1110";
    public const string SlotCreationBlocked = "TGB1111";
    public const string TableUnusable = "TGB1112";
    public const string SpillFailed = "TGB1113";
    public const string TlsFailed = "TGB1114";
    public const string Undecodable = "TGB1115";

    /// <summary>Whether trying again may help without a person doing anything.</summary>
    public static bool IsTransient(BucketsException failure) =>
        failure.Code is Unreachable or SlotInUse or SlotCreationBlocked or SpillFailed or TlsFailed or Undecodable;

    /// <summary>Whether it comes of how the source is set up, so that it ends when somebody sets it up as it was.</summary>
    public static bool IsMendedBySomebody(BucketsException failure) =>
        failure.Code is Refused or Misconfigured or PublicationForbidden or TableUnusable;

    public static BucketsException NotReachable(string what, Exception? cause) => new(
        Unreachable,
        $"The source Postgres cannot be reached: {what}.",
        "Check that the server runs and that the address is right; a service that is running tries again until it answers.",
        cause);

    // Tried again: a certificate that has expired is going to be renewed.
    public static BucketsException NotTrusted(string what, string hint, Exception cause) => new(
        TlsFailed, $"TLS with the source failed: {what}.", hint, cause);

    public static BucketsException SlotLost(string slot, string what, Exception? cause = null) => new(
        SlotUnusable,
        $"Replication slot '{slot}' can no longer be read: {what}.",
        "The source is read again from a snapshot; raise max_slot_wal_keep_size if the slot was invalidated for its size.",
        cause);

    public static BucketsException SlotBusy(string slot, int? pid) => new(
        SlotInUse,
        string.Create(CultureInfo.InvariantCulture, $"Replication slot '{slot}' is in use by process {pid} of the server."),
        "Only one service may read a slot: stop the other one, or wait until the server notices that its connection is gone.");

    public static BucketsException SlotBlocked(string slot, TimeSpan waited, IReadOnlyList<OpenTransaction> transactions) => new(
        SlotCreationBlocked,
        string.Create(
            CultureInfo.InvariantCulture,
            $"Replication slot '{slot}' could not be created within {waited.TotalSeconds:0.#} s: the server waits for every transaction that had written."),
        OpenTransaction.Remedy(transactions));

    // Tried again, for the slot may be given up at any time, and what is stored is served until then.
    public static BucketsException NotDecoded(string slot, string? position, string what, Exception cause) => new(
        Undecodable,
        $"The source cannot decode its WAL from slot '{slot}' beyond LSN {position ?? "of its confirmed position"}: {what}.",
        $"{WaysOn(slot)} A row longer than the gigabyte that the server can send is found by octet_length(); that limit is the server's own.",
        cause);

    /// <summary>Undecodable WAL stays what it is, whatever is mended at the source: there is one way past it.</summary>
    private static string WaysOn(string slot) =>
        "Three ways on: mend the cause (shorten the row, or mend the publication's row filter), or take the table out of the publication and the sync rules;"
        + $" then skip what is written already: SELECT pg_drop_replication_slot('{slot}'); everything is read again, and devices get what differs.";

    public static BucketsException NotReadable(string table, string what, Exception cause) => new(
        TableUnusable,
        $"Table '{table}' cannot be read: {what}.",
        "A row is longer than the gigabyte that the server can send: find it by octet_length(), and shorten it, or take the table out of the sync rules.",
        cause);

    public static BucketsException Gap(string what) => new(
        ContinuityLost,
        $"Continuity with the source is lost: {what}.",
        "Everything has to be read again from a snapshot; start with the policy 'resnapshot' to allow it.");

    public static BucketsException MalformedMessage(string what) => new(
        Malformed,
        $"The source sent a replication message that cannot be read: {what}.",
        "Check that nothing but a Postgres server of version 14 or newer stands at the source's address.");

    /// <summary>The same, with where it stands.</summary>
    public static BucketsException MalformedAt(Lsn position, string slot, BucketsException failure) => new(
        Malformed, $"At LSN {position}: {failure.Message}", WaysOn(slot), failure);

    /// <summary>The same of a change, whose transaction is known.</summary>
    public static BucketsException MalformedIn(Lsn transactionEnd, BucketsException failure) => new(
        Malformed, $"In the transaction that ends at LSN {transactionEnd}: {failure.Message}", hint: null, failure);
}

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

    /// <summary>Whether trying again may help without a person doing anything.</summary>
    public static bool IsTransient(BucketsException failure) =>
        failure.Code is Unreachable or SlotInUse or SlotCreationBlocked or SpillFailed or TlsFailed;

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

    public static BucketsException Gap(string what) => new(
        ContinuityLost,
        $"Continuity with the source is lost: {what}.",
        "Everything has to be read again from a snapshot; start with the policy 'resnapshot' to allow it.");

    public static BucketsException MalformedMessage(string what) => new(
        Malformed,
        $"The source sent a replication message that cannot be read: {what}.",
        "Check that nothing but a Postgres server of version 14 or newer stands at the source's address.");
}

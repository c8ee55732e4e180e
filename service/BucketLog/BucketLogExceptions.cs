using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>A record that this room wrote cannot be read back.</summary>
public sealed class DamagedRecordException(Exception? cause = null) : BucketsException(
    code: "TGB1201",
    message: "A stored record of the bucket log has an unknown form.",
    hint: "The store was written by another version or is damaged: remove the store folder to build it anew from the source.",
    cause);

/// <summary>The writer stopped after an error and takes nothing more.</summary>
public sealed class LogStoppedException(Exception cause) : BucketsException(
    code: "TGB1202",
    message: $"The bucket log stopped: {cause.Message}",
    hint: "Restart the service: it goes on from the last durable position.",
    cause);


/// <summary>An update left out a value that is not stored, and there is no way to read it again.</summary>
public sealed class MissingImageException(string table) : BucketsException(
    code: "TGB1204",
    message: $"A change of table {table} left out an unchanged large value that the store does not hold.",
    hint: "A new snapshot is needed: drop the replication slot and restart.");

/// <summary>The source changed a row without saying which.</summary>
public sealed class MissingKeyException(string table) : BucketsException(
    code: "TGB1205",
    message: $"A change of table {table} came without the row's key.",
    hint: "Give the table a primary key or a replica identity.");

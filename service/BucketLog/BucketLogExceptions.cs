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

/// <summary>A part of a transaction is stored, and the source goes on without the rest of it.</summary>
public sealed class UnfinishedTransactionException(Lsn end) : BucketsException(
    code: "TGB1211",
    message: $"A part of the transaction that ends at {end} is stored, and the source does not send that transaction again.",
    hint: "Nothing of it was shown. A new snapshot is needed: drop the replication slot and restart.");

/// <summary>The source changed a row without saying which.</summary>
public sealed class MissingKeyException(string table) : BucketsException(
    code: "TGB1205",
    message: $"A change of table {table} came without the row's key.",
    hint: "Give the table a primary key or a replica identity.");

/// <summary>A store is to be copied in which nothing was ever written.</summary>
public sealed class EmptyStoreException() : BucketsException(
    code: "TGB1206",
    message: "There is nothing to copy: nothing was ever written to the store.",
    hint: "Check the address; the service fills a store when it first runs.");

/// <summary>A store would be overwritten.</summary>
public sealed class StoreNotEmptyException() : BucketsException(
    code: "TGB1207",
    message: "There is a store in the target already, and it is left as it is.",
    hint: "Name a folder or a schema that does not exist yet, or remove that one first.");

/// <summary>A store was copied into, but not to the end.</summary>
public sealed class UnfinishedCopyException() : BucketsException(
    code: "TGB1208",
    message: "A copy into this store was interrupted, so it is not complete.",
    hint: "Run the same copy again: it begins anew.");

/// <summary>A copy is not what was copied.</summary>
public sealed class CopyDiffersException(string difference) : BucketsException(
    code: "TGB1209",
    message: $"The copy is not what was copied: {difference}.",
    hint: "Check both stores with 'topgun verify', then run the copy again; the target cannot be opened as a store until it succeeds.");

/// <summary>A process that only reads finds no rules in the store.</summary>
public sealed class NoStoredRulesException() : BucketsException(
    code: "TGB1210",
    message: "The store names no sync rules that this version can read.",
    hint: "Start the process that writes the store, in the same version; the store is looked at again until then.");

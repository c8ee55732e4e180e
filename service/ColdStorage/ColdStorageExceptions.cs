using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage;

/// <summary>The store could not be read or written. Nothing more is written until it was opened anew.</summary>
public sealed class StoreFailedException(string store, Exception cause) : BucketsException(
    code: "TGB2001",
    message: $"The store {store} failed: {cause.Message}",
    hint: "Check its disk or server, then restart: the service goes on from the last durable position.",
    cause);

/// <summary>Another process has the store open.</summary>
public sealed class StoreInUseException(string store, string? holder) : BucketsException(
    code: "TGB2002",
    message: $"The store {store} is in use by {holder ?? "another process"}.",
    hint: "Stop that process, or give this one a store of its own.");

/// <summary>Something stored is not what was written.</summary>
public sealed class DamagedStoreException(string file, string finding) : BucketsException(
    code: "TGB2003",
    message: $"{file} is damaged: {finding}.",
    hint: "Restore the store folder from a backup, or remove it to build it anew from the source.");

/// <summary>The store was written by a version with another format.</summary>
public sealed class StoreVersionException(string store, int found, int known) : BucketsException(
    code: "TGB2004",
    message: string.Create(CultureInfo.InvariantCulture, $"The store {store} has format {found}; this version reads format {known}."),
    hint: "Start the version that wrote it, or remove the folder to build the store anew from the source.");

/// <summary>There is no store where one was asked for.</summary>
public sealed class NoStoreException(string store) : BucketsException(
    code: "TGB2006",
    message: $"There is no store in {store}.",
    hint: "Name its folder with --store-path or TOPGUN_STORE_PATH, or its database with --database-url or DATABASE_URL.");

/// <summary>There is no room for a write. Nothing of it was stored; it can be tried again.</summary>
public sealed class StoreFullException(string store, Exception cause) : BucketsException(
    code: "TGB2005",
    message: $"The store {store} has no room left.",
    hint: "Free some space on its disk: writing goes on by itself.",
    cause);

/// <summary>Another process took the store over while this one was not heard of.</summary>
public sealed class StoreTakenOverException(string store, string holder) : BucketsException(
    code: "TGB2007",
    message: $"The store {store} was taken over by {holder}.",
    hint: "Only one process may write a store: let a supervisor run one, and start others with the role 'reader'.");

/// <summary>The server that holds the store cannot be used.</summary>
public sealed class StoreUnreachableException(string store, Exception cause) : BucketsException(
    code: ErrorCode,
    message: $"The store {store} cannot be opened: {cause.Message.TrimEnd('.')}.",
    hint: "Check DATABASE_URL, that the server runs, and that the role may create a schema in the database or owns the one that is there.",
    cause)
{
    /// <summary>Its code, which a server that does not answer has in the log, too.</summary>
    public const string ErrorCode = "TGB2008";
}

/// <summary>Somebody deleted, moved or replaced the files of a store in use.</summary>
public sealed class StoreReplacedException(string store) : BucketsException(
    code: "TGB2009",
    message: $"The files of the store {store} were deleted, moved or replaced while it was in use.",
    hint: "Put them back as they were if you can, then restart; what they lack the source sends again, or everything is read anew.");

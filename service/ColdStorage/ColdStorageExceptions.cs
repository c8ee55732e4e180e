using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage;

/// <summary>The store could not be read or written. Nothing more is written until it was opened anew.</summary>
public sealed class StoreFailedException(string store, Exception cause) : BucketsException(
    code: "TGB2001",
    message: $"The store {store} failed: {cause.Message}",
    hint: "Check the disk, then restart: the service goes on from the last durable position.",
    cause);

/// <summary>Another process has the store open.</summary>
public sealed class StoreInUseException(string store, int? holder) : BucketsException(
    code: "TGB2002",
    message: holder is null
        ? $"The store {store} is in use by another process."
        : string.Create(CultureInfo.InvariantCulture, $"The store {store} is in use by process {holder}."),
    hint: "Stop that process, or give this one a store folder of its own.");

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
public sealed class NoStoreException(string folder) : BucketsException(
    code: "TGB2006",
    message: $"There is no store in {folder}.",
    hint: "Name its folder with --store-path or TOPGUN_STORE_PATH.");

/// <summary>There is no room for a write. Nothing of it was stored; it can be tried again.</summary>
public sealed class StoreFullException(string store, Exception cause) : BucketsException(
    code: "TGB2005",
    message: $"The store {store} has no room left.",
    hint: "Free some space on its disk: writing goes on by itself.",
    cause);

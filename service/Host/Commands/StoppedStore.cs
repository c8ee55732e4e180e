using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Embedded;

namespace TopGun.Buckets.Host;

/// <summary>The embedded store in the hands of a command: only while no service has it.</summary>
internal static class StoppedStore
{
    /// <exception cref="Protocol.BucketsException">There is none (TGB2006), a service has it (TGB2002), or it cannot be opened.</exception>
    public static async ValueTask<EmbeddedColdStorage> OpenAsync(string folder, CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(folder, "manifest")))
            throw new NoStoreException(folder);
        var storage = new EmbeddedColdStorage(folder, new EmbeddedOptions(), NullLogger<EmbeddedColdStorage>.Instance);
        await storage.OpenAsync(cancellationToken);
        return storage;
    }

    public static long SizeOf(string folder) => new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length);
}

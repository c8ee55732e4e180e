using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Postgres;

namespace TopGun.Buckets.Host;

/// <summary>Where a store is: a folder, or a schema of a Postgres database.</summary>
internal abstract record StoreAddress
{
    private StoreAddress()
    {
    }

    /// <summary>An embedded store.</summary>
    public sealed record Folder(string Path) : StoreAddress
    {
        public override IColdStorage OfWriter(bool create)
        {
            if (!create && !File.Exists(System.IO.Path.Combine(Path, EmbeddedColdStorage.ManifestName)))
                throw new NoStoreException(Path);
            return new EmbeddedColdStorage(Path, new EmbeddedOptions(), NullLogger<EmbeddedColdStorage>.Instance);
        }

        public override Task<IColdStorage> OpenToReadAsync(CancellationToken cancellationToken) => OpenAsync(create: false, cancellationToken);

        public override string ToString() => Path;
    }

    /// <summary>A store in a database.</summary>
    public sealed record Database(SourceAddress Address, string Schema) : StoreAddress
    {
        private PostgresStoreOptions Options => new() { Schema = Schema };

        public override IColdStorage OfWriter(bool create) => new PostgresColdStorage(
            Address.ConnectionString, new PostgresStoreOptions { Schema = Schema, Creates = create }, TimeProvider.System, NullLogger<PostgresColdStorage>.Instance);

        public override async Task<IColdStorage> OpenToReadAsync(CancellationToken cancellationToken)
        {
            var reader = new PostgresStoreReader(Address.ConnectionString, Options, TimeProvider.System, NullLogger<PostgresStoreReader>.Instance);
            try
            {
                await reader.OpenAsync(cancellationToken);
                await reader.BeginMomentAsync(cancellationToken);
                return reader;
            }
            catch
            {
                await reader.DisposeAsync();
                throw;
            }
        }

        public override string ToString() => $"{Address}, schema {Schema}";
    }

    /// <summary>Reads a path, or an address of Postgres in any of its forms.</summary>
    public static StoreAddress Parse(string way, string text, string schema)
    {
        if (!text.Contains("://", StringComparison.Ordinal) && !text.Contains('=', StringComparison.Ordinal))
            return new Folder(text);
        return SourceAddress.TryParse(text, out var address)
            ? new Database(address, schema)
            : throw SettingException.Wrong(way, SettingList.StoreDatabase.Show(text).Trim('\''), $"the path of a folder, or {SettingList.StoreDatabase.Rule}");
    }

    /// <summary>The store that the settings name.</summary>
    /// <exception cref="SettingException">It is none that lasts.</exception>
    public static StoreAddress Configured(SettingReader settings) => settings.Read(SettingList.StoreBackend) switch
    {
        StoreBackend.Embedded => new Folder(settings.Read(SettingList.StorePath)),
        StoreBackend.Postgres => new Database(settings.Read(SettingList.StoreDatabase), settings.Read(SettingList.StoreSchema)),
        _ => throw SettingException.Wrong(SettingList.StoreBackend.Ways, "null", "a store that lasts: 'embedded' or 'postgres'"),
    };

    /// <summary>The store, not opened yet, for this process alone.</summary>
    /// <param name="create">Whether it may be made; else there has to be one.</param>
    public abstract IColdStorage OfWriter(bool create);

    /// <summary>Opens the store for this process alone: nobody can write it meanwhile.</summary>
    public async Task<IColdStorage> OpenAsync(bool create, CancellationToken cancellationToken)
    {
        var storage = OfWriter(create);
        try
        {
            await storage.OpenAsync(cancellationToken);
            return storage;
        }
        catch
        {
            await storage.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens the store as it is at one moment; one in Postgres may be in use.</summary>
    public abstract Task<IColdStorage> OpenToReadAsync(CancellationToken cancellationToken);
}

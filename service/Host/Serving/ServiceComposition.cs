using Microsoft.Extensions.DependencyInjection.Extensions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Auth;

namespace TopGun.Buckets.Host;

/// <summary>Hands each room what it needs from the settings and from its neighbours.</summary>
internal static class ServiceComposition
{
    public static IColdStorage CreateStorage(ServiceSettings settings, ILoggerFactory loggers) => settings.StoreBackend switch
    {
        StoreBackend.Null => new NullColdStorage(),
        _ => new EmbeddedColdStorage(settings.StorePath, new EmbeddedOptions(), loggers.CreateLogger<EmbeddedColdStorage>()),
    };

    public static IServiceCollection AddSource(this IServiceCollection services, ServiceSettings settings, DeployedRules rules)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<Random, UnguessableRandom>();
        services.AddSingleton<ISource>(_ => new NpgsqlSource(
            settings.Source.ConnectionString, settings.Publication, settings.SourcePasswordFile));
        services.AddSingleton<ReplicationMonitor>();
        services.AddSingleton(new ChangeSourceOptions
        {
            Tables = rules.Rules.Tables,
            Publication = settings.Publication,
            SlotWalLimitBytes = settings.SlotWalLimit,
            OnContinuityLost = settings.OnContinuityLost,
            UsesDefinitionTrigger = settings.UsesDefinitionTrigger,
        });
        services.AddSingleton<IChangeSource, ChangeSource>();
        services.AddSingleton<IWriteCheckpoints, WriteCheckpoints>();
        return services;
    }

    public static IServiceCollection AddRules(this IServiceCollection services, DeployedRules rules) => services
        .AddSingleton(rules)
        .AddSingleton<IActiveRules>(new ActiveRules(rules.Rules));

    public static IServiceCollection AddBucketLog(this IServiceCollection services, ServiceSettings settings)
    {
        services.AddSingleton(new BucketLogOptions { Publish = settings.Publish });
        services.AddSingleton<BucketLogEnvironment>();
        services.AddSingleton<IMissingRows, MissingRows>();
        services.AddSingleton<ReplicationPump>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicationPump>());
        return services;
    }

    public static IServiceCollection AddStorage(this IServiceCollection services, IColdStorage storage) =>
        services.AddSingleton(storage); // an instance: closed by the pump, after everything is in it, and not by the container

    public static IServiceCollection AddHotBuckets(this IServiceCollection services, ServiceSettings settings)
    {
        services.AddSingleton(new GridOptions { MemoryLimitBytes = settings.GridBytes });
        services.AddSingleton<BucketGrid>();
        return services;
    }

    public static IServiceCollection AddClients(this IServiceCollection services, ServiceSettings settings)
    {
        services.AddSingleton<IServiceProbe, ServiceProbe>();
        services.Configure<JwtOptions>(tokens =>
        {
            tokens.Secret = settings.JwtSecret;
            tokens.KeyId = settings.JwtKeyId;
            tokens.Jwks = settings.Jwks;
            foreach (var audience in settings.Audiences)
                tokens.Audiences.Add(audience);
        });
        services.AddStreaming();
        return services;
    }
}

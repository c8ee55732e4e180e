using Microsoft.Extensions.DependencyInjection.Extensions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.ColdStorage.Postgres;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Hands each room what it needs from the settings and from its neighbours.</summary>
internal static class ServiceComposition
{
    public static IColdStorage CreateStorage(ServiceSettings settings, ILoggerFactory loggers) => settings.StoreBackend switch
    {
        StoreBackend.Null => new NullColdStorage(),
        StoreBackend.Postgres => new PostgresColdStorage(
            settings.StoreDatabase!, new PostgresStoreOptions { Schema = settings.StoreSchema }, TimeProvider.System,
            loggers.CreateLogger<PostgresColdStorage>()),
        _ => new EmbeddedColdStorage(settings.StorePath, new EmbeddedOptions(), loggers.CreateLogger<EmbeddedColdStorage>()),
    };

    /// <summary>Whether there is a store that may have been filled before.</summary>
    public static bool MayKnowRules(ServiceSettings settings) => settings.StoreBackend switch
    {
        StoreBackend.Null => false,
        StoreBackend.Postgres => true,
        _ => Directory.Exists(settings.StorePath),
    };

    /// <summary>Compiles rules with what the settings say of them.</summary>
    public static CompileRules Compiler(ServiceSettings settings) => (text, versions, indexVersions) => RuleSet.Parse(
        text, new RuleSetOptions { Versions = versions, IndexVersions = indexVersions, BucketLimit = settings.MaxBuckets }).Rules;

    // Where the store's server is the source's, each write moves the very position that it stores; once a minute that is no traffic.
    private static readonly TimeSpan PositionDelayInPostgres = TimeSpan.FromMinutes(1);

    public static IServiceCollection AddSource(this IServiceCollection services, ServiceSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<Random, UnguessableRandom>();
        services.AddSingleton<ISource>(_ => new NpgsqlSource(
            settings.Source.ConnectionString, settings.Publication, settings.SourcePasswordFile));
        services.AddSingleton<ReplicationMonitor>();
        services.AddSingleton<WriteCheckpoints>();
        services.AddSingleton<IWriteCheckpoints>(provider => new StoredWriteCheckpoints(
            provider.GetRequiredService<WriteCheckpoints>(),
            provider.GetService<IStoreFeed>() is { } feed ? feed.GetLatestAsync : provider.GetRequiredService<IColdStorage>().GetAsync,
            provider.GetRequiredService<TimeProvider>()));
        return services;
    }

    public static IServiceCollection AddReplication(this IServiceCollection services, ServiceSettings settings, LogRules rules) => services
        .AddSingleton(provider => new ChangeSourceOptions
        {
            Tables = rules.Tables,
            Publication = settings.Publication,
            SlotWalLimitBytes = settings.SlotWalLimit,
            OnContinuityLost = settings.OnContinuityLost,
            UsesDefinitionTrigger = settings.UsesDefinitionTrigger,
            EnsureWriter = provider.GetRequiredService<IColdStorage>() is IStoreLease lease ? lease.EnsureHeldAsync : null,
        })
        .AddSingleton<IChangeSource, ChangeSource>()
        .AddSingleton<SourcePosition>()
        .AddSingleton(provider => new TableAdmission(
            provider.GetRequiredService<ISource>(), settings.Publication, provider.GetRequiredService<ReplicationMonitor>()))
        .AddSingleton<IServiceProbe, ServiceProbe>();

    public static IServiceCollection AddRules(this IServiceCollection services, ServiceSettings settings, LogRules rules)
    {
        services.AddSingleton(rules);
        services.AddSingleton<IActiveRules>(new ActiveRules(rules));
        services.AddSingleton(settings);
        services.AddSingleton<Deployments>();
        services.AddSingleton<IRulesOperator>(provider => provider.GetRequiredService<Deployments>());
        services.AddHostedService<RulesFileWatch>();
        return services;
    }

    public static IServiceCollection AddBucketLog(this IServiceCollection services, ServiceSettings settings)
    {
        var options = new BucketLogOptions
        {
            Publish = settings.Publish,
            RowLimitBytes = settings.RowLimit,
            NewStoreAbove = NewStore.OpIdAbove(TimeProvider.System.GetUtcNow()),
        };
        if (settings.StoreBackend == StoreBackend.Postgres)
            options.PositionDelay = PositionDelayInPostgres;
        services.AddSingleton(options);
        services.AddSingleton<BucketLogMetrics>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<BucketLogEnvironment>(provider) with
        {
            Metrics = provider.GetRequiredService<BucketLogMetrics>(),
        });
        services.AddSingleton<IMissingRows, MissingRows>();
        services.AddSingleton<ReplicationPump>();
        services.AddSingleton<IPump>(provider => provider.GetRequiredService<ReplicationPump>());
        services.AddHostedService(provider => provider.GetRequiredService<ReplicationPump>());
        services.AddReporter<WriterReporter>(settings);
        return services;
    }

    public static IServiceCollection AddStoreTail(this IServiceCollection services, ServiceSettings settings)
    {
        services.AddSingleton<IStoreFeed>(provider => new PostgresStoreReader(
            settings.StoreDatabase!, new PostgresStoreOptions { Schema = settings.StoreSchema }, TimeProvider.System,
            provider.GetRequiredService<ILogger<PostgresStoreReader>>()));
        services.AddSingleton(new ReaderRules(Compiler(settings)));
        services.AddSingleton<IActiveRules>(provider => provider.GetRequiredService<ReaderRules>());
        services.AddSingleton<IRulesOperator, ReaderOperator>();
        services.AddSingleton<IServiceProbe, ReaderProbe>();
        services.AddSingleton<ReaderPump>();
        services.AddSingleton<IPump>(provider => provider.GetRequiredService<ReaderPump>());
        services.AddHostedService(provider => provider.GetRequiredService<ReaderPump>());
        services.AddReporter<ReaderReporter>(settings);
        return services;
    }

    public static IServiceCollection AddStorage(this IServiceCollection services, IColdStorage storage) =>
        services.AddSingleton(storage); // an instance: closed by the pump, after everything is in it, and not by the container

    public static IServiceCollection AddHotBuckets(this IServiceCollection services, ServiceSettings settings)
    {
        services.AddSingleton(provider => GridBudget.CreateOptions(settings, provider.GetRequiredService<ILogger<BucketGrid>>()));
        services.AddSingleton<BucketGrid>();
        return services;
    }

    public static IServiceCollection AddClients(this IServiceCollection services, ServiceSettings settings)
    {
        services.Configure<JwtOptions>(tokens =>
        {
            tokens.Secret = settings.JwtSecret;
            tokens.KeyId = settings.JwtKeyId;
            tokens.Jwks = settings.Jwks;
            foreach (var audience in settings.Audiences)
                tokens.Audiences.Add(audience);
        });
        services.Configure<OperatorOptions>(api => api.Token = settings.ApiToken);
        services.AddStreaming();
        services.AddHostedService<Telemetry>();
        return services;
    }

    private static void AddReporter<TReporter>(this IServiceCollection services, ServiceSettings settings)
        where TReporter : class, IServiceReporter, IRevocationStore
    {
        services.AddSingleton(settings);
        services.AddSingleton<TReporter>();
        services.AddSingleton<IServiceReporter>(provider => provider.GetRequiredService<TReporter>());
        services.AddSingleton<IRevocationStore>(provider => provider.GetRequiredService<TReporter>());
    }
}

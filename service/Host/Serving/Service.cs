using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The service from its settings to its exit code.</summary>
internal static class Service
{
    // Less than the ten seconds that container engines wait before they kill.
    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(8);

    /// <summary>Serves until told to stop, or until something fails that needs a person.</summary>
    /// <exception cref="Protocol.BucketsException">What failed.</exception>
    public static async Task<int> RunAsync(ServiceSettings settings, CancellationToken cancellationToken)
    {
        using var problems = new RecentProblems(TimeProvider.System);
        using var loggers = LoggerFactory.Create(logging =>
        {
            ServiceLogging.Configure(logging);
            logging.AddProvider(problems);
        });

        if (settings.Role == ServiceRole.Reader)
            return await RunAsync(BuildReader(settings, loggers, problems), settings);

        // In the order in which a mistake can be told without having touched anything: file, store, port, source.
        var path = settings.RulesPath!;
        var yaml = await RulesFile.ReadTextAsync(path, cancellationToken);
        var result = RuleSet.Parse(yaml, new RuleSetOptions());
        if (result.Rules is null && !ServiceComposition.MayKnowRules(settings))
            throw new RulesRefusedException(path, yaml, result);
        var storage = ServiceComposition.CreateStorage(settings, loggers);
        await storage.OpenAsync(cancellationToken);
        // A file that was spoilt while the service was down must not keep it down: the rules of the store go on.
        var compile = ServiceComposition.Compiler(settings);
        var rules = result.Rules is null
            ? await LogRules.LoadAsync(storage, compile, cancellationToken) ?? throw new RulesRefusedException(path, yaml, result)
            : await LogRules.OpenAsync(storage, yaml, compile, TimeProvider.System.GetUtcNow(), cancellationToken);

        return await RunAsync(Build(settings, loggers, problems, storage, rules), settings);
    }

    private static async Task<int> RunAsync(WebApplication built, ServiceSettings settings)
    {
        await using var app = built;
        var pump = app.Services.GetRequiredService<IPump>();
        await StartAsync(app, settings);
        await app.WaitForShutdownAsync(CancellationToken.None);
        pump.ThrowIfFailed();
        return ExitCode.Done;
    }

    private static WebApplication Build(ServiceSettings settings, ILoggerFactory loggers, RecentProblems problems, IColdStorage storage, LogRules rules)
    {
        var builder = CreateBuilder(settings, loggers, problems);
        builder.Services
            .AddSource(settings)            // Postgres …
            .AddReplication(settings, rules) // … WAL in
            .AddRules(settings, rules)      // which bucket gets which row
            .AddBucketLog(settings)         // ordered operations, durable behind
            .AddStorage(storage)            // embedded | postgres | null
            .AddHotBuckets(settings)        // the newest operations in RAM
            .AddClients(settings);          // checkpoints and operations out
        return Build(builder);
    }

    private static WebApplication BuildReader(ServiceSettings settings, ILoggerFactory loggers, RecentProblems problems)
    {
        var builder = CreateBuilder(settings, loggers, problems);
        builder.Services
            .AddSource(settings)            // for write checkpoints
            .AddStoreTail(settings)         // what the writer writes, and by which rules
            .AddHotBuckets(settings)        // the newest operations in RAM
            .AddClients(settings);          // checkpoints and operations out
        return Build(builder);
    }

    private static WebApplicationBuilder CreateBuilder(ServiceSettings settings, ILoggerFactory loggers, RecentProblems problems)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.Replace(ServiceDescriptor.Singleton(loggers));
        builder.Services.AddSingleton(problems);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownLimit);
        builder.WebHost.UseUrls(settings.Listen.ToString());
        builder.WebHost.ConfigureKestrel(Streaming.StreamingEndpoints.LimitRequests);
        return builder;
    }

    private static WebApplication Build(WebApplicationBuilder builder)
    {
        var app = builder.Build();
        Streaming.StreamingEndpoints.MapTopGunStreaming(app);
        var revocations = app.Services.GetRequiredService<Revocations>();
        app.Services.GetRequiredService<IPump>().RevocationsChanged = LoadAsync;
        return app;

        async ValueTask LoadAsync(IColdStorage storage, CancellationToken cancellationToken)
        {
            var stored = await RevocationRecord.ReadAllAsync(storage, cancellationToken);
            revocations.Load(stored.Select(static record => Revocation.Parse(record.Span)));
        }
    }

    private static async Task StartAsync(WebApplication app, ServiceSettings settings)
    {
        try
        {
            await app.StartAsync();
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw new ListenFailedException(settings.Listen, failure);
        }
        catch (OptionsValidationException failure)
        {
            throw SettingException.Refused(failure);
        }
    }
}

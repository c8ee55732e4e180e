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

        // In the order in which a mistake can be told without having touched anything: files, store, port, source.
        var builder = CreateBuilder(settings, loggers, problems);
        if (settings.Role == ServiceRole.Reader)
            return await RunAsync(BuildReader(builder, settings), settings);

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

        return await RunAsync(Build(builder, settings, storage, rules), settings);
    }

    private static async Task<int> RunAsync(WebApplication built, ServiceSettings settings)
    {
        await using var app = built;
        var pump = app.Services.GetRequiredService<IPump>();
        try
        {
            await StartAsync(app, settings);
            await app.WaitForShutdownAsync(CancellationToken.None);
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            await app.StopAsync(CancellationToken.None); // told to stop while it was starting: what has been started ends in order
        }
        pump.ThrowIfFailed();
        return ExitCode.Done;
    }

    private static WebApplication Build(WebApplicationBuilder builder, ServiceSettings settings, IColdStorage storage, LogRules rules)
    {
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

    private static WebApplication BuildReader(WebApplicationBuilder builder, ServiceSettings settings)
    {
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
        if (settings.Tls is { } files)
            UseTls(builder, TlsCertificate.Load(files.Certificate, files.Key, loggers.CreateLogger<TlsCertificate>()));
        return builder;
    }

    private static void UseTls(WebApplicationBuilder builder, TlsCertificate certificate)
    {
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(server => server.ConfigureHttpsDefaults(https =>
        {
            https.ServerCertificate = certificate.Find().TargetCertificate; // only to be there: each handshake asks again
            https.OnAuthenticate = (_, handshake) => handshake.ServerCertificateContext = certificate.Find();
        }));
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

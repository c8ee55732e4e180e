using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Listening;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.Streaming.RSocket;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Streaming.Sockets;

namespace TopGun.Buckets.Streaming;

/// <summary>Registers the room.</summary>
public static class StreamingServices
{
    /// <summary>
    /// Adds what <see cref="StreamingEndpoints.MapTopGunStreaming"/> needs. The host provides the grid, <see cref="IActiveRules"/>,
    /// <see cref="IServiceProbe"/>, <see cref="IServiceReporter"/>, <see cref="IRulesOperator"/>, <see cref="IRevocationStore"/> and the write checkpoints.
    /// </summary>
    public static IServiceCollection AddStreaming(this IServiceCollection services)
    {
        services.AddOptions<StreamingOptions>().BindConfiguration("streaming").ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IValidateOptions<StreamingOptions>>(
            new OptionsCheck<StreamingOptions>(static options => options.Problems()));
        services.AddOptions<JwtOptions>().BindConfiguration("jwt").ValidateOnStart();
        services.AddSingleton<IValidateOptions<JwtOptions>>(
            new OptionsCheck<JwtOptions>(static options => options.Problems()));
        services.AddSingleton(static provider => KeySources.Create(
            provider.GetRequiredService<IOptions<JwtOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>().CreateLogger<TokenVerifier>()));
        services.TryAddSingleton<ITokenVerifier, TokenVerifier>();
        services.AddSingleton<Revocations>();
        services.AddSingleton<IConfigureOptions<SocketTransportOptions>, ListeningSocket>();
        services.AddSingleton<IConnectionListenerFactory, PacedListeners>();
        services.AddMetrics();
        services.AddSingleton<StreamingMetrics>();
        services.AddSingleton<ErrorBoundary>();
        services.AddSingleton<SessionLimits>();
        services.AddSingleton<OpenSessions>();
        services.TryAddSingleton(Random.Shared);
        services.AddSingleton<SessionForms>();
        services.AddSingleton<SessionDoor>();
        services.AddSingleton<Admission>();
        services.AddSingleton<CursorSealer>();
        services.AddSingleton<SyncStreamEndpoint>();
        services.AddSingleton<SocketSessions>();
        services.AddSingleton<RSocketEndpoint>();
        services.AddSingleton<LineSocketEndpoint>();
        services.AddSingleton<SourceMarkers>();
        services.AddSingleton<WriteCheckpointEndpoints>();
        services.AddSingleton<LegacyWriteCheckpointEndpoint>();
        services.AddSingleton<ProbeEndpoints>();
        services.AddSingleton<StatusEndpoints>();
        services.AddSingleton<ExplainEndpoint>();
        services.AddSingleton<RevocationEndpoints>();
        services.AddSingleton<MetricsEndpoint>();
        services.AddSingleton<RulesEndpoints>();
        services.AddHostedService<IdleBuckets>();
        return services;
    }
}

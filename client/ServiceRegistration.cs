using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Client;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the client.</summary>
public static class TopGunBucketsServiceCollectionExtensions
{
    /// <summary>Registers one <see cref="BucketsClient"/>, connected with the host's start unless its options say otherwise.</summary>
    public static IServiceCollection AddTopGunBuckets(this IServiceCollection services, BucketsClientOptions options) =>
        services.AddTopGunBuckets(_ => options);

    /// <summary>Registers one <see cref="BucketsClient"/> whose options come from other services.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="options">Makes the options; called once. Without a logger in them, the host's is used.</param>
    public static IServiceCollection AddTopGunBuckets(
        this IServiceCollection services, Func<IServiceProvider, BucketsClientOptions> options)
    {
        services.AddSingleton(provider =>
        {
            var made = options(provider);
            if (made.Logger is NullLogger && provider.GetService<ILogger<BucketsClient>>() is { } logger)
                made = made with { Logger = logger };
            return new ClientRegistration(new BucketsClient(made), made.ConnectOnStart);
        });
        services.AddSingleton(provider => provider.GetRequiredService<ClientRegistration>().Client);
        services.AddHostedService<ClientStarter>();
        return services;
    }

    private sealed record ClientRegistration(BucketsClient Client, bool ConnectOnStart);

    private sealed class ClientStarter(ClientRegistration registration) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) =>
            registration.ConnectOnStart ? registration.Client.ConnectAsync(cancellationToken) : Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => registration.Client.DisconnectAsync(cancellationToken);
    }
}

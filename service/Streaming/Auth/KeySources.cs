using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Makes the key source that the options describe.</summary>
internal static partial class KeySources
{
    /// <exception cref="BucketsException">The key set's file cannot be used (TGB5003).</exception>
    public static IKeySource Create(JwtOptions options, TimeProvider clock, ILogger logger)
    {
        var sources = new List<IKeySource>();
        if (options.Secret is { } secret)
            sources.Add(new StaticKeys([VerificationKey.FromSecret(secret, options.KeyId)]));
        if (options.IsRemote)
            sources.Add(new RemoteKeys(new KeySetFetcher(new Uri(options.Jwks!), options.AllowPrivateAddresses).FetchAsync, clock, logger));
        else if (!string.IsNullOrEmpty(options.Jwks))
            sources.Add(new StaticKeys(ReadFile(options.Jwks, logger)));
        return sources.Count == 1 ? sources[0] : new CombinedKeys(sources);
    }

    private static List<VerificationKey> ReadFile(string path, ILogger logger)
    {
        try
        {
            var refused = new List<string>();
            var keys = JsonWebKeys.Parse(File.ReadAllBytes(path), allowSecrets: true, refused);
            foreach (var reason in refused)
                Log.KeyRefused(logger, reason);
            if (keys.Count > 0)
                return keys;
            throw new BucketsException("TGB5003", $"jwt:Jwks is '{path}', which holds no key that can be used.", string.Join(' ', refused));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new BucketsException("TGB5003", $"jwt:Jwks is '{path}', which cannot be read.", error.Message, error);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(5013, LogLevel.Warning, "A key of the key set's file is not used: {Reason}")]
        public static partial void KeyRefused(ILogger logger, string reason);
    }
}

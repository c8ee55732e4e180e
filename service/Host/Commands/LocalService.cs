using System.Security.Cryptography.X509Certificates;

namespace TopGun.Buckets.Host;

/// <summary>The service that listens at an address of this machine, as the commands call it.</summary>
internal static class LocalService
{
    /// <summary>Where to call it.</summary>
    /// <param name="listen">Its listen address.</param>
    /// <param name="path">What to call.</param>
    public static Uri AddressOf(Uri listen, string path)
    {
        // "Any address" is where to listen, not where to call.
        var host = listen.Host is "0.0.0.0" or "[::]" ? "127.0.0.1" : listen.Host;
        return new UriBuilder(listen) { Host = host, Path = path }.Uri;
    }

    /// <summary>A client to call it with. Its certificate is for the name that its clients use, so it is not looked at for the name.</summary>
    /// <param name="limit">How long an answer may take.</param>
    /// <param name="certificatePath">
    /// File of the certificate that it has to show, where it is told a secret: whoever listens at its address while it is down would be told, too. Null takes any.
    /// </param>
    public static HttpClient CreateClient(TimeSpan limit, string? certificatePath = null)
    {
        var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = certificatePath is null
                ? HttpClientHandler.DangerousAcceptAnyServerCertificateValidator
                : (_, shown, _, _) => shown is not null && IsIn(certificatePath, shown),
        };
        return new HttpClient(handler) { Timeout = limit };
    }

    private static bool IsIn(string certificatePath, X509Certificate2 shown)
    {
        var known = new X509Certificate2Collection();
        known.ImportFromPemFile(certificatePath);
        return known.Count > 0 && known[0].RawDataMemory.Span.SequenceEqual(shown.RawDataMemory.Span);
    }
}

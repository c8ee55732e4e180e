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

    /// <summary>A client to call it with. Its certificate is for the name that its clients use, and who listens on this machine needs no proof.</summary>
    public static HttpClient CreateClient(TimeSpan limit)
    {
        var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        return new HttpClient(handler) { Timeout = limit };
    }
}

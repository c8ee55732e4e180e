using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>The certificate that clients are shown: read at the start, and again when its file has changed, so that it is renewed without a restart.</summary>
internal sealed partial class ServedCertificate
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(10);

    private readonly string _path;
    private readonly string _keyPath;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private SslStreamCertificateContext _current;
    private (DateTime, DateTime) _written;
    private long _lookedAt;

    /// <param name="path">PEM file of the certificate, and of those that lead to its root.</param>
    /// <param name="keyPath">PEM file of its key; may be the same.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Told when another certificate is served, or could not be.</param>
    /// <exception cref="BucketsException">They cannot be used (TGB1007).</exception>
    public ServedCertificate(string path, string keyPath, TimeProvider clock, ILogger logger)
    {
        _path = path;
        _keyPath = keyPath;
        _clock = clock;
        _logger = logger;
        _written = WrittenAt();
        _lookedAt = clock.GetTimestamp();
        _current = Load();
    }

    /// <summary>Has every new connection shown it.</summary>
    public void Use(HttpsConnectionAdapterOptions https)
    {
        https.ServerCertificateSelector = (_, _) => Current().TargetCertificate;
        https.OnAuthenticate = (_, handshake) =>
        {
            handshake.ServerCertificateSelectionCallback = null;
            handshake.ServerCertificateContext = Current();
        };
    }

    private SslStreamCertificateContext Current()
    {
        lock (_gate)
        {
            if (_clock.GetElapsedTime(_lookedAt) < Look)
                return _current;
            _lookedAt = _clock.GetTimestamp();
            var written = WrittenAt();
            if (written == _written)
                return _current;
            try
            {
                _current = Load();
                _written = written;
            }
            catch (BucketsException failure)
            {
                Log.NotRenewed(_logger, failure.Message); // certificate and key may be written one after the other
            }
            return _current;
        }
    }

    private SslStreamCertificateContext Load()
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_path);
            var own = X509Certificate2.CreateFromPemFile(_path, _keyPath);
            if (own.NotAfter <= _clock.GetUtcNow().LocalDateTime)
                Log.Expired(_logger, own.Subject, own.NotAfter.ToUniversalTime());
            else
                Log.Serves(_logger, own.Subject, own.NotAfter.ToUniversalTime());
            return SslStreamCertificateContext.Create(own, [.. chain.Skip(1)], offline: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new BucketsException(
                "TGB1007", $"The certificate in '{_path}' with the key in '{_keyPath}' cannot be used: {failure.Message}",
                $"Give {SettingList.TlsCertificate.Ways} a PEM file with the certificate first, and {SettingList.TlsKey.Ways} its key.", failure);
        }
    }

    private (DateTime, DateTime) WrittenAt() => (File.GetLastWriteTimeUtc(_path), File.GetLastWriteTimeUtc(_keyPath));

    private static partial class Log
    {
        [LoggerMessage(1040, LogLevel.Information, "Clients are shown the certificate of {Subject}, valid until {Until:u}.")]
        public static partial void Serves(ILogger logger, string subject, DateTime until);

        [LoggerMessage(1041, LogLevel.Warning, "The certificate of {Subject} was valid until {Until:u}: clients will refuse it. Put a new one in its place.")]
        public static partial void Expired(ILogger logger, string subject, DateTime until);

        [LoggerMessage(1042, LogLevel.Warning, "The certificate for clients has changed and stays as it was for now: {Reason}")]
        public static partial void NotRenewed(ILogger logger, string reason);
    }
}

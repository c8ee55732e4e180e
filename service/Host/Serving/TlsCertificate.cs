using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace TopGun.Buckets.Host;

/// <summary>The certificate that clients see, from PEM files. Files that were replaced, as a renewal does, are read again at the next connection.</summary>
internal sealed partial class TlsCertificate
{
    private readonly string _certificatePath;
    private readonly string _keyPath;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private (DateTime Certificate, DateTime Key) _version;
    private SslStreamCertificateContext _current;

    private TlsCertificate(string certificatePath, string keyPath, ILogger logger)
    {
        _certificatePath = certificatePath;
        _keyPath = keyPath;
        _logger = logger;
        _version = FindVersion();
        _current = ReadFiles();
    }

    /// <summary>Reads the files.</summary>
    /// <param name="certificatePath">The server's certificate, followed by those of the authorities between it and the root.</param>
    /// <param name="keyPath">Its private key, not encrypted.</param>
    /// <param name="logger">Told of renewals.</param>
    /// <exception cref="SettingException">They cannot be read, or do not belong together.</exception>
    public static TlsCertificate Load(string certificatePath, string keyPath, ILogger logger)
    {
        var (setting, path) = (SettingList.TlsKey, keyPath);
        try
        {
            File.OpenRead(path).Dispose();
            (setting, path) = (SettingList.TlsCertificate, certificatePath);
            return new TlsCertificate(certificatePath, keyPath, logger);
        }
        catch (Exception failure) when (IsUnreadable(failure))
        {
            throw SettingException.Unreadable(setting, path, failure.Message);
        }
    }

    /// <summary>What to show to the next client. A renewal that cannot be read is logged, and the certificate before it shown.</summary>
    public SslStreamCertificateContext Find()
    {
        lock (_gate)
        {
            var version = FindVersion();
            if (version == _version)
                return _current;
            _version = version;
            try
            {
                _current = ReadFiles(); // a handshake may still use the one before: it is left to the garbage collector
                Log.Renewed(_logger, _certificatePath);
            }
            catch (Exception failure) when (IsUnreadable(failure))
            {
                Log.RenewalUnreadable(_logger, _certificatePath, failure.Message);
            }
            return _current;
        }
    }

    private static bool IsUnreadable(Exception failure) =>
        failure is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException; // the last: the key is of another certificate

    private SslStreamCertificateContext ReadFiles()
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(_certificatePath);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(_certificatePath, _keyPath), authorities, offline: true);
    }

    private (DateTime Certificate, DateTime Key) FindVersion() => (FindTime(_certificatePath), FindTime(_keyPath));

    // Renewals often leave a link as it is and change where it leads.
    private static DateTime FindTime(string path)
    {
        try
        {
            return (File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)).LastWriteTimeUtc;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return default; // between two files: what can be read is found out by reading
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1060, LogLevel.Information, "Clients see the new certificate in {Path}.")]
        public static partial void Renewed(ILogger logger, string path);

        [LoggerMessage(
            1061, LogLevel.Warning, "TGB1003: The new certificate in {Path}, or its key, cannot be read: {Reason} The one before stays in use.")]
        public static partial void RenewalUnreadable(ILogger logger, string path, string reason);
    }
}

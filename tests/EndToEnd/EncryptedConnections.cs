using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Clients over TLS: which versions of HTTP they get, and which certificate they see.</summary>
public sealed class EncryptedConnections : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("topgun-tls-");

    [Theory]
    [InlineData("1.1", null)]
    [InlineData("2.0", null)]
    [InlineData("2.0", "gzip")]
    [InlineData("2.0", "br")]
    public async Task Changes_come_as_they_happen(string version, string? encoding)
    {
        await using var demo = await StartAsync();
        using var http = Client(_authority);
        using var request = Ask(demo, version);
        if (encoding is not null)
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(encoding));

        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(Version.Parse(version), response.Version);
        Assert.Equal(encoding is null ? [] : [encoding], response.Content.Headers.ContentEncoding);
        using var lines = Decoded(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken), encoding);
        await ReadUntilAsync(lines, "Milk");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ReadUntilAsync(lines, "Oat milk");
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Sockets_open(string version)
    {
        await using var demo = await StartAsync();
        using var http = new HttpMessageInvoker(Handler(_authority));
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = Version.Parse(version);
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.AddSubProtocol("topgun.v1.msgpack");
        socket.Options.SetRequestHeader("Authorization", $"Bearer {new TestToken()}");

        await socket.ConnectAsync(new Uri($"wss://{demo.Process.Url.Authority}/sync/stream"), http, TestContext.Current.CancellationToken);

        Assert.Equal("topgun.v1.msgpack", socket.SubProtocol);
    }

    [Fact]
    public async Task A_renewed_certificate_is_seen_without_a_restart_and_a_spoilt_one_changes_nothing()
    {
        using var successor = new TestAuthority();
        await using var demo = await StartAsync();
        await File.WriteAllTextAsync(CertificatePath, "spoilt", TestContext.Current.CancellationToken);
        Assert.True(await IsTrustedAsync(demo, _authority));
        await demo.Process.WaitForLogAsync("TGB1003");

        Issue(successor);

        Assert.True(await IsTrustedAsync(demo, successor));
        Assert.False(await IsTrustedAsync(demo, _authority));
    }

    [Fact]
    public async Task The_doctor_tells_the_operator_token_to_nobody_but_the_service()
    {
        await using var demo = await CreateAsync();
        demo.Process.Configure(OperatorClient.Setting.Name, OperatorClient.Setting.Value);
        await demo.Process.StartAsync();
        var other = Path.Combine(_folder.FullName, "other.crt");
        await File.WriteAllTextAsync(other, _authority.Issue("127.0.0.1").Certificate, TestContext.Current.CancellationToken);

        Assert.DoesNotContain("is not shown here", await DoctorAsync(demo, CertificatePath), StringComparison.Ordinal);
        Assert.Contains("does not answer", await DoctorAsync(demo, other), StringComparison.Ordinal);
        Assert.Contains("set TOPGUN_TLS_CERTIFICATE", await DoctorAsync(demo, certificatePath: ""), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TOPGUN_TLS_KEY", "TGB1002", "TLS key")]
    [InlineData("TOPGUN_TLS_CERTIFICATE", "TGB1002", "TLS certificate")]
    public async Task An_encrypted_address_needs_both_files(string variable, string code, string name)
    {
        await using var demo = await CreateAsync();
        demo.Process.Configure(variable, "");

        demo.Process.Launch();

        Assert.Equal(2, await demo.Process.WaitForExitAsync());
        Assert.Contains(code, demo.Process.Log, StringComparison.Ordinal);
        Assert.Contains(name, demo.Process.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_that_does_not_fit_or_is_missing_stops_the_start_with_the_file(bool isMissing)
    {
        await using var demo = await CreateAsync();
        if (isMissing)
            File.Delete(KeyPath);
        else
            await File.WriteAllTextAsync(KeyPath, _authority.Issue("127.0.0.1").Key, TestContext.Current.CancellationToken);

        demo.Process.Launch();

        Assert.Equal(2, await demo.Process.WaitForExitAsync());
        Assert.Contains("TGB1003", demo.Process.Log, StringComparison.Ordinal);
        Assert.Contains(isMissing ? KeyPath : CertificatePath, demo.Process.Log, StringComparison.Ordinal);
        Assert.False(Directory.Exists(demo.Process.StorePath));
    }

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Delete(recursive: true);
    }

    private static async Task<string> DoctorAsync(DemoService demo, string certificatePath)
    {
        var (exitCode, output) = await TopGunCommand.RunAsync(
            ["doctor"],
            ("TOPGUN_SOURCE_URL", demo.Database.ConnectionString),
            ("TOPGUN_RULES", demo.Process.RulesPath),
            ("TOPGUN_STORE_PATH", demo.Process.StorePath),
            ("TOPGUN_LISTEN", demo.Process.Url.ToString()),
            ("TOPGUN_TLS_CERTIFICATE", certificatePath),
            OperatorClient.Setting);
        Assert.True(exitCode == 0, output);
        return output;
    }

    private string CertificatePath => Path.Combine(_folder.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_folder.FullName, "tls.key");

    private async Task<DemoService> CreateAsync()
    {
        Issue(_authority);
        return await DemoService.CreateAsync(
            cluster: null, ("TOPGUN_TLS_CERTIFICATE", CertificatePath), ("TOPGUN_TLS_KEY", KeyPath));
    }

    private async Task<DemoService> StartAsync()
    {
        var demo = await CreateAsync();
        await demo.Process.StartAsync();
        return demo;
    }

    private void Issue(TestAuthority authority)
    {
        var (certificate, key) = authority.Issue("127.0.0.1");
        File.WriteAllText(KeyPath, key);
        File.WriteAllText(CertificatePath, certificate);
    }

    private static HttpRequestMessage Ask(DemoService demo, string version)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(demo.Process.Url, "/sync/stream"))
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("""{"raw_data":true}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", new TestToken().ToString());
        return request;
    }

    private static HttpClient Client(TestAuthority authority) => new(Handler(authority)) { Timeout = Patience.Limit };

    private static SocketsHttpHandler Handler(TestAuthority authority)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(authority.RootFile);
        return handler;
    }

    // A new connection, so it sees what is shown now.
    private static async Task<bool> IsTrustedAsync(DemoService demo, TestAuthority authority)
    {
        using var http = Client(authority);
        try
        {
            using var response = await http.GetAsync(new Uri(demo.Process.Url, "/probes/liveness"), TestContext.Current.CancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException failure) when (failure.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            return false;
        }
    }

    private static StreamReader Decoded(Stream body, string? encoding) => new(encoding switch
    {
        "gzip" => new GZipStream(body, CompressionMode.Decompress),
        "br" => new BrotliStream(body, CompressionMode.Decompress),
        _ => body,
    });

    // The stream never ends by itself: a line that does not come makes the request run into its limit.
    private static async Task ReadUntilAsync(StreamReader lines, string text)
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (await lines.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }
        Assert.Fail($"The stream ended before '{text}' came.");
    }
}

using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The service at an https address, without a proxy before it.</summary>
public sealed class ServedOverTls : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-tls-").FullName;

    private string Certificate => Path.Combine(_folder, "server.crt");

    private string Key => Path.Combine(_folder, "server.key");

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Clients_stream_by_either_version_of_HTTP(string version)
    {
        Write(_authority.Issue("127.0.0.1"));
        await using var demo = await StartAsync();
        using var http = Client(_ => { });

        using var response = await OpenAsync(http, demo.Process.Url, Version.Parse(version));
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        Assert.Equal(Version.Parse(version), response.Version);
        Assert.StartsWith("{\"checkpoint\":", await lines.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renewed_certificate_is_shown_to_those_who_connect_and_open_streams_go_on()
    {
        Write(_authority.Issue("127.0.0.1", isExpired: true));
        await using var demo = await StartAsync();
        await demo.Process.WaitForLogAsync("clients will refuse it");
        var shown = "";
        using var http = Client(serial => shown = serial);
        await Assert.ThrowsAsync<HttpRequestException>(() => OpenAsync(http, demo.Process.Url, HttpVersion.Version11));
        var expired = shown;

        Write(_authority.Issue("127.0.0.1"));
        HttpResponseMessage? response = null;
        await Patience.UntilAsync(
            async () =>
            {
                try
                {
                    response = await OpenAsync(http, demo.Process.Url, HttpVersion.Version11);
                    return true;
                }
                catch (HttpRequestException)
                {
                    return false; // it looks every ten seconds
                }
            },
            "the new certificate is shown");

        using (response)
        {
            Assert.NotEqual(expired, shown);
            using var lines = new StreamReader(await response!.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            Assert.StartsWith("{\"checkpoint\":", await lines.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_used_stops_the_start_with_what_to_do()
    {
        File.WriteAllText(Certificate, "no certificate");
        File.WriteAllText(Key, "no key");
        await using var demo = await DemoService.CreateAsync(settings: Settings());

        demo.Process.Launch();

        Assert.NotEqual(0, await demo.Process.WaitForExitAsync());
        Assert.Contains("TGB1007", demo.Process.Log, StringComparison.Ordinal);
        Assert.Contains("--tls-certificate or TOPGUN_TLS_CERTIFICATE", demo.Process.Log, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<HttpResponseMessage> OpenAsync(HttpClient http, Uri service, Version version)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(service, "/sync/stream"))
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("{}", Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", new TestToken { Subject = "ann" }.ToString());
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>A client that trusts the authority of the test and nobody else.</summary>
    private HttpClient Client(Action<string> shown)
    {
        var root = X509CertificateLoader.LoadCertificateFromFile(_authority.RootFile);
        return new HttpClient(new SocketsHttpHandler
        {
            SslOptions =
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { root },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
                RemoteCertificateValidationCallback = (_, certificate, _, problems) =>
                {
                    shown(certificate!.GetSerialNumberString());
                    return problems == SslPolicyErrors.None;
                },
            },
        });
    }

    private Task<DemoService> StartAsync() => DemoService.StartAsync(Settings());

    private (string, string)[] Settings() =>
    [
        ("TOPGUN_LISTEN", $"https://127.0.0.1:{FreePort.Next()}"), ("TOPGUN_TLS_CERTIFICATE", Certificate), ("TOPGUN_TLS_KEY", Key),
    ];

    private void Write((string Certificate, string Key) issued)
    {
        File.WriteAllText(Certificate, issued.Certificate);
        File.WriteAllText(Key, issued.Key);
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>A PgBouncer in front of a cluster, ended with the test.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private const string Program = "/usr/sbin/pgbouncer";

    private readonly Process _process;
    private readonly string _folder;

    private PgBouncer(Process process, string folder, int port)
    {
        _process = process;
        _folder = folder;
        Port = port;
    }

    public static bool IsInstalled => File.Exists(Program);

    public int Port { get; }

    /// <param name="cluster">The server behind it.</param>
    /// <param name="ignored">Parameters of start packets that it drops instead of refusing them.</param>
    public static async Task<PgBouncer> StartAsync(PostgresCluster cluster, string ignored)
    {
        var folder = Directory.CreateTempSubdirectory("topgun-bouncer-").FullName;
        var port = FreePort.Next();
        var file = Path.Combine(folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            file,
            string.Create(CultureInfo.InvariantCulture, $"""
                [databases]
                * = host=127.0.0.1 port={cluster.Port} user=postgres
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = {port}
                auth_type = any
                unix_socket_dir =
                ignore_startup_parameters = {ignored}
                """),
            TestContext.Current.CancellationToken);
        // It refuses to run as root, as the server does; this process started it, so it can end it under any account.
        string[] account = Environment.UserName == "root" ? ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"] : [];
        using (var open = Process.Start("chmod", ["-R", "a+rX", folder]))
            await open.WaitForExitAsync(TestContext.Current.CancellationToken);
        string[] command = [.. account, Program, "-q", file];
        var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })!;
        var bouncer = new PgBouncer(process, folder, port);
        while (!process.HasExited)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
                return bouncer;
            }
            catch (SocketException)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken); // starting
            }
        }
        throw new InvalidOperationException($"PgBouncer ended: {await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}");
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

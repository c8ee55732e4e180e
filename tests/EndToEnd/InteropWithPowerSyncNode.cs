using System.Diagnostics;
using System.Text.Json;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The published <c>@powersync/node</c> package, as npm installs it, is a client of this service.</summary>
public class InteropWithPowerSyncNode
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task The_unmodified_SDK_downloads_uploads_and_resumes()
    {
        var packages = Environment.GetEnvironmentVariable("TOPGUN_TEST_INTEROP");
        Assert.SkipWhen(
            packages is null,
            "Run tests/run, or npm install tests/EndToEnd/interop/package.json in a folder and name it in TOPGUN_TEST_INTEROP.");
        await using var demo = await DemoService.StartAsync();

        var (exitCode, output) = await RunAsync(packages, new
        {
            endpoint = demo.Process.Url.ToString().TrimEnd('/'),
            token = new TestToken { Subject = "ann" }.ToString(),
            source = Uri(demo.Database.ConnectionString),
            list = DemoService.SharedList,
            rows = await demo.Database.ReadAsync<long>(
                "SELECT count(*) FROM todos JOIN members USING (list_id) WHERE user_id = 'ann'"),
        });

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(exitCode == 0, $"{output}\n{demo.Process.Log}");
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string packages, object options)
    {
        var start = new ProcessStartInfo(
            Path.Combine(packages, "node_modules/.bin/node"),
            [Path.Combine(AppContext.BaseDirectory, "interop/interop.mjs"), JsonSerializer.Serialize(options)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Process.Start(start) ?? throw new InvalidOperationException("Node did not start.");
        try
        {
            var output = node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var errors = node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            limit.CancelAfter(Limit);
            await node.WaitForExitAsync(limit.Token);
            return (node.ExitCode, await output + await errors);
        }
        finally
        {
            node.Kill(entireProcessTree: true);
        }
    }

    private static string Uri(string connectionString)
    {
        var source = new NpgsqlConnectionStringBuilder(connectionString);
        return $"postgres://{source.Username}:{source.Password}@{source.Host}:{source.Port}/{source.Database}";
    }
}

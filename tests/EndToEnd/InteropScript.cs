using System.Diagnostics;
using System.Text.Json;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Runs one of the scripts that drive the published SDK, as Ann.</summary>
internal static class InteropScript
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20); // the steps have deadlines of their own

    public static void SkipWithoutPackages() => Assert.SkipWhen(
        Packages is null,
        "Run tests/run, or npm install tests/EndToEnd/interop/package.json in a folder and name it in TOPGUN_TEST_INTEROP.");

    /// <summary>Runs a script to its end, which has to be 0, and returns what it printed.</summary>
    public static Task<string> RunAsync(string script, DemoService demo, Dictionary<string, object> options) =>
        RunAsync(script, WithAddresses(demo, options), () => demo.Process.Log);

    /// <summary>Runs a script that is to fail, and returns what it printed.</summary>
    public static async Task<string> FailAsync(string script, DemoService demo, Dictionary<string, object> options)
    {
        var (exitCode, output) = await RunAsync(script, JsonSerializer.Serialize(WithAddresses(demo, options)));

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(1, exitCode);
        return output;
    }

    /// <summary>Runs a script that needs no service, and returns what it printed.</summary>
    public static async Task<string> RunAsync(string script, Dictionary<string, object> options, Func<string>? log = null)
    {
        var (exitCode, output) = await RunAsync(script, JsonSerializer.Serialize(options));

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(exitCode == 0, $"{output}\n{log?.Invoke()}");
        return output;
    }

    private static Dictionary<string, object> WithAddresses(DemoService demo, Dictionary<string, object> options) => new(options)
    {
        ["endpoint"] = demo.Process.Url.ToString().TrimEnd('/'),
        ["token"] = new TestToken { Subject = "ann" }.ToString(),
        ["source"] = Uri(demo.Database.ConnectionString),
    };

    private static string? Packages => Environment.GetEnvironmentVariable("TOPGUN_TEST_INTEROP");

    private static async Task<(int ExitCode, string Output)> RunAsync(string script, string options)
    {
        var start = new ProcessStartInfo(
            Path.Combine(Packages!, "node_modules/.bin/node"), [Path.Combine(AppContext.BaseDirectory, "interop", script), options])
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

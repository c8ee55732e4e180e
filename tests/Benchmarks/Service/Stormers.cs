using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>
/// Clients that all connect at once, and stay. A process of its own, at the lowest priority: clients of a service are elsewhere and take none of its
/// processors, nor of those that measure.
/// </summary>
internal sealed class Stormers : IDisposable
{
    private readonly Process _process;

    private Stormers(Process process) => _process = process;

    /// <summary>Starts the process; the clients wait until they are let loose.</summary>
    public static async Task<Stormers> StartAsync(Uri service, string token, int count, CancellationToken cancellationToken)
    {
        var process = Process.Start(new ProcessStartInfo("nice", ["-n", "19", Environment.ProcessPath!, "stormers", "--to", service.ToString(), "--token", token, "--connections", $"{count}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("The storm's process did not start.");
        var stormers = new Stormers(process);
        await stormers.HearAsync("ready", cancellationToken);
        return stormers;
    }

    /// <summary>Lets them connect, and waits until all of them have their first checkpoint.</summary>
    public async Task ConnectAsync(CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync(cancellationToken);
        await HearAsync("served", cancellationToken);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>What the process does.</summary>
    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var service = new Uri(arguments.Text("to") ?? throw new ArgumentException("--to names the service."));
        var token = arguments.Text("token") ?? throw new ArgumentException("--token says who they are.");
        var count = arguments.Int("connections", 5000);
        arguments.RejectUnread();
        await Console.Out.WriteLineAsync("ready");
        await Console.In.ReadLineAsync(cancellationToken);
        var streams = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => QuietStream.OpenAsync(service, token, cancellationToken)));
        await Console.Out.WriteLineAsync("served");
        await Console.In.ReadLineAsync(cancellationToken); // until it is killed
        foreach (var stream in streams)
            stream.Dispose();
    }

    private async Task HearAsync(string word, CancellationToken cancellationToken)
    {
        if (await _process.StandardOutput.ReadLineAsync(cancellationToken) != word)
            throw new InvalidOperationException("The storm's process has ended; what it said is above.");
    }
}

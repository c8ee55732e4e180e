using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>Breaks one thing after the other, and mends each after a while: from a thousandth of a second to ten.</summary>
/// <param name="tortured">What it breaks.</param>
/// <param name="faults">What may happen.</param>
/// <param name="random">Decides what does, to whom, and for how long.</param>
/// <param name="struck">Told of each.</param>
internal sealed class Nemesis(Tortured tortured, IReadOnlyList<Fault> faults, Random random, Action<Fault> struck)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>Which of these a run has: each with one half, and not none.</summary>
    public static IReadOnlyList<Fault> Choose(IReadOnlyList<Fault> possible, Random random)
    {
        Fault[] chosen = [.. possible.Where(_ => random.Next(2) == 0)];
        return chosen.Length > 0 ? chosen : possible;
    }

    /// <summary>Goes on until the time is up, and leaves nothing broken.</summary>
    public async Task RunAsync(CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            await WaitAsync(until);
            if (until.IsCancellationRequested)
                return;
            var fault = faults[random.Next(faults.Count)];
            struck(fault);
            await StrikeAsync(fault, until);
        }
    }

    private Task StrikeAsync(Fault fault, CancellationToken until)
    {
        var device = tortured.Devices[random.Next(tortured.Devices.Count)];
        return fault switch
        {
            Fault.DisconnectClient => OfAsync(device.Turn, device.DisconnectAsync, device.ConnectAsync, until),
            Fault.CutClient => CutAsync(device.Link),
            Fault.StopClient => OfAsync(device.Turn, device.StopAsync, device.StartAsync, until),
            Fault.KillClient => OfAsync(device.Turn, device.KillAsync, device.StartAsync, until),
            Fault.PauseClient => OfAsync(device.Turn, () => device.SignalAsync("STOP"), () => device.SignalAsync("CONT"), until),
            Fault.KillService => OfAsync(tortured.ServiceTurn, tortured.Service.KillAsync, LaunchAsync, until),
            Fault.StopService => OfAsync(tortured.ServiceTurn, tortured.StopServiceAsync, LaunchAsync, until),
            Fault.PauseService => OfAsync(
                tortured.ServiceTurn, () => tortured.Service.SignalAsync("STOP"), () => tortured.Service.SignalAsync("CONT"), until),
            Fault.PartitionOut => PartAsync(device.Link, towardsServer: true, towardsProcess: false, until),
            Fault.PartitionIn => PartAsync(device.Link, towardsServer: false, towardsProcess: true, until),
            Fault.PartitionBoth => PartAsync(device.Link, towardsServer: true, towardsProcess: true, until),
            Fault.PartitionSource => PartAsync(tortured.SourceLink, random.Next(3) > 0, random.Next(3) > 0, until),
            Fault.CutSource => CutAsync(tortured.SourceLink),
            Fault.RestartSource => RestartAsync(PostgresStop.Fast, until),
            Fault.CrashSource => RestartAsync(PostgresStop.Immediate, until),
            Fault.KillSource => RestartAsync(PostgresStop.Kill, until),
            Fault.FillDisk => OfAsync(tortured.ServiceTurn, () => DoAsync(tortured.FillDisk), () => DoAsync(tortured.EmptyDisk), until),
            Fault.DeployRules => DoAsync(tortured.DeployRules),
            Fault.Compact => OfAsync(tortured.ServiceTurn, CompactAsync, LaunchAsync, until),
            Fault.ExpireTokens => DoAsync(() => tortured.Backend.TokenLifetime = TimeSpan.FromSeconds(random.Next(5, 20))),
            _ => throw new ArgumentOutOfRangeException(nameof(fault)),
        };
    }

    private async Task OfAsync(SemaphoreSlim turn, Func<Task> breakAsync, Func<Task> mendAsync, CancellationToken until)
    {
        await turn.WaitAsync(CancellationToken.None);
        try
        {
            await breakAsync();
            await WaitAsync(until);
            await mendAsync();
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task PartAsync(Link link, bool towardsServer, bool towardsProcess, CancellationToken until)
    {
        link.Hold(towardsServer || !towardsProcess, towardsProcess);
        await WaitAsync(until);
        link.Heal();
    }

    private Task RestartAsync(PostgresStop how, CancellationToken until) => OfAsync(
        tortured.SourceTurn, () => tortured.Cluster.StopAsync(how).WaitAsync(Patience.Limit), () => tortured.Cluster.StartAsync(CancellationToken.None), until);

    private async Task CompactAsync()
    {
        await tortured.StopServiceAsync();
        await tortured.CompactAsync();
    }

    private Task LaunchAsync() => DoAsync(tortured.LaunchService);

    private static Task CutAsync(Link link) => DoAsync(link.Cut);

    private static Task DoAsync(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    /// <summary>Some time, short ones as likely as long ones by order of magnitude.</summary>
    private Task WaitAsync(CancellationToken until)
    {
        var time = Shortest * Math.Pow(Longest / Shortest, random.NextDouble());
        return Task.Delay(time, until).ContinueWith(static _ => { }, TaskScheduler.Default);
    }
}

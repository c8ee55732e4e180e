using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>Breaks things, as the seed says. Each seed leaves out some kinds of faults, so that mixed ones do not hide single ones.</summary>
internal sealed class Nemesis(World world)
{
    private readonly SimRandom _random = world.Loop.Stream("nemesis");
    private readonly List<Fault> _kinds = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Choose();
        var pause = _random.LogBetween(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
        while (_kinds.Count > 0)
        {
            await world.Loop.Delay(_random.LogBetween(TimeSpan.FromMilliseconds(1), pause), "nemesis", cancellationToken);
            await BreakAsync(_random.Pick(_kinds));
        }
    }

    /// <summary>Everything works again.</summary>
    public void Heal()
    {
        world.Loop.Record("nemesis", "heal", "all");
        world.StoreFaults.Heal();
        world.NetFaults.Heal();
        if (world.Source.IsDown)
            world.Source.Start();
        world.Service.EnsureStarted();
        foreach (var client in world.Clients)
            client.EnsureStarted();
    }

    private void Choose()
    {
        foreach (var kind in Enum.GetValues<Fault>())
        {
            if (world.Scenario.OnlyFault is { } only ? kind == only : _random.Chance(0.5))
                _kinds.Add(kind);
        }
    }

    private Task BreakAsync(Fault kind) => kind switch
    {
        Fault.CrashService => CrashServiceAsync(),
        Fault.CrashServiceBeforeDurable => CrashServiceBeforeDurableAsync(),
        Fault.CutSource => CutSourceAsync(),
        Fault.RestartSource => RestartSourceAsync(),
        Fault.LoseSlot => LoseSlotAsync(),
        Fault.RecreateSlot => RecreateSlotAsync(),
        Fault.ReadAgain => ReadAgainAsync(),
        Fault.CutClient => CutClientAsync(),
        Fault.KillConnection => KillConnectionAsync(),
        Fault.CrashClient => CrashClientAsync(),
        Fault.StallNetwork => StallNetworkAsync(),
        Fault.RefuseConnections => RefuseConnectionsAsync(),
        Fault.SlowStore => SlowStoreAsync(),
        Fault.FailStore => FailStoreAsync(),
        Fault.Compact => CompactAsync(),
        Fault.DeployRules => DeployRulesAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private async Task CrashServiceAsync()
    {
        world.Service.Crash();
        await PauseAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        world.Service.EnsureStarted();
    }

    /// <summary>Waits for the moment that matters most: clients may have seen what no disk holds.</summary>
    private async Task CrashServiceBeforeDurableAsync()
    {
        var slowest = world.StoreFaults.SlowestWrite;
        world.StoreFaults.SlowestWrite = TimeSpan.FromSeconds(1);
        for (var attempt = 0; attempt < 200 && !world.IsAheadOfDisk; attempt++)
            await world.Loop.Delay(TimeSpan.FromMilliseconds(5), "nemesis");
        // Long enough for some of it to reach clients.
        await PauseAsync(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(300));
        await CrashServiceAsync();
        world.StoreFaults.SlowestWrite = slowest;
    }

    private Task CutSourceAsync()
    {
        Tell("cut source");
        world.Source.CutConnections();
        return Task.CompletedTask;
    }

    private async Task RestartSourceAsync()
    {
        Tell("stop source");
        world.Source.Stop();
        await PauseAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(3));
        Tell("start source");
        world.Source.Start();
    }

    private Task LoseSlotAsync()
    {
        // A rare disaster: it would hide everything else if it struck as often as the others.
        if (_random.Chance(0.8))
            return Task.CompletedTask;
        Tell("lose slot");
        world.Source.CutConnections();
        world.Source.Slots.Clear();
        return Task.CompletedTask;
    }

    private Task RecreateSlotAsync()
    {
        if (_random.Chance(0.8))
            return Task.CompletedTask;
        Tell("make the slot anew");
        world.Source.CutConnections();
        foreach (var name in world.Source.Slots.Keys.ToList())
            world.Source.Slots[name] = new SimSlot(name, world.Source.InsertPosition);
        return Task.CompletedTask;
    }

    private Task KillConnectionAsync()
    {
        if (_random.Chance(0.5))
            return Task.CompletedTask;
        var client = _random.Pick(world.Clients);
        Tell($"kill the connection of {client.Name}");
        client.KillConnection();
        return Task.CompletedTask;
    }

    private Task ReadAgainAsync()
    {
        var table = _random.Pick(world.Source.Tables);
        Tell($"read {table.Name} again");
        world.Service.ReadAgain(table.Name);
        return Task.CompletedTask;
    }

    private Task CutClientAsync()
    {
        var client = _random.Pick(world.Clients);
        Tell($"cut {client.Name}");
        client.CutConnection();
        return Task.CompletedTask;
    }

    private async Task StallNetworkAsync()
    {
        Tell("stall network");
        world.NetFaults.IsStalled = true;
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(10));
        world.NetFaults.IsStalled = false;
    }

    private async Task RefuseConnectionsAsync()
    {
        Tell("refuse connections");
        world.NetFaults.IsDown = true;
        foreach (var client in world.Clients)
            client.CutConnection();
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
        world.NetFaults.IsDown = false;
    }

    private async Task SlowStoreAsync()
    {
        Tell("slow store");
        world.StoreFaults.SlowestWrite = _random.LogBetween(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(3));
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
        world.StoreFaults.Heal();
    }

    private async Task FailStoreAsync()
    {
        Tell("failing store");
        world.StoreFaults.FailingWrites = _random.NextDouble();
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(2));
        world.StoreFaults.FailingWrites = 0;
    }

    private Task CompactAsync()
    {
        Tell("compact");
        world.Service.Compact();
        return Task.CompletedTask;
    }

    private Task DeployRulesAsync()
    {
        Tell("deploy rules");
        world.Service.Deploy(_random.Pick(TodoApp.RulesForms));
        return Task.CompletedTask;
    }

    private async Task CrashClientAsync()
    {
        var client = _random.Pick(world.Clients);
        client.Crash();
        await PauseAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        client.EnsureStarted();
    }

    private Task PauseAsync(TimeSpan low, TimeSpan high) => world.Loop.Delay(_random.LogBetween(low, high), "nemesis");

    private void Tell(string what)
    {
        world.Counts.OtherFaults++;
        world.Loop.Record("nemesis", "fault", what);
    }
}

using System.Globalization;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>Breaks things, as the seed says. Each seed leaves out some kinds of faults, so that mixed ones do not hide single ones.</summary>
internal sealed class Nemesis
{
    private readonly World _world;
    private readonly List<Fault> _kinds = [];
    private readonly TimeSpan _pause;
    private SimRandom _random;
    private long _stillUntil;
    private int _phase;
    private int _strike;

    public Nemesis(World world)
    {
        _world = world;
        _random = world.Loop.Stream("nemesis");
        _pause = _random.LogBetween(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
        foreach (var kind in Enum.GetValues<Fault>())
        {
            if (world.Scenario.OnlyFault is { } only ? kind == only : _random.Chance(0.5))
                _kinds.Add(kind);
        }
    }

    /// <summary>What happens in a phase does not depend on what happened in others.</summary>
    public void Begin(int phase)
    {
        (_phase, _strike) = (phase, 0);
        _random = _world.Loop.Stream(string.Create(CultureInfo.InvariantCulture, $"nemesis phase {phase}"));
    }

    /// <summary>Breaks one thing after the other.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (_kinds.Count > 0)
        {
            await _world.Loop.Delay(_random.LogBetween(TimeSpan.FromMilliseconds(1), _pause), "nemesis", cancellationToken);
            await StrikeAsync();
        }
    }

    /// <summary>Breaks one thing.</summary>
    public Task StrikeAsync()
    {
        if (_kinds.Count == 0)
            return Task.CompletedTask;
        var kind = _random.Pick(_kinds);
        return _world.Strike(kind, string.Create(CultureInfo.InvariantCulture, $"{_phase}/{++_strike}")) ? BreakAsync(kind) : Task.CompletedTask;
    }

    /// <summary>Everything works again, when whoever stands still has woken up.</summary>
    public async Task HealAsync()
    {
        _world.Loop.Record("nemesis", "heal", "all");
        _world.StoreFaults.Heal();
        _world.NetFaults.Heal();
        if (_world.Source.IsDown)
            _world.Source.Start();
        _world.Service.EnsureStarted();
        foreach (var client in _world.Clients)
            client.EnsureStarted();
        if (_stillUntil > _world.Loop.Now)
            await _world.Loop.Delay(new TimeSpan(_stillUntil - _world.Loop.Now), "still");
    }

    private Task BreakAsync(Fault kind) => kind switch
    {
        Fault.CrashService => CrashServiceAsync(),
        Fault.CrashServiceBeforeDurable => CrashServiceBeforeDurableAsync(),
        Fault.CrashServiceAtStep => CrashServiceAtStepAsync(),
        Fault.PauseService => PauseServiceAsync(),
        Fault.CutSource => CutSourceAsync(),
        Fault.RestartSource => RestartSourceAsync(),
        Fault.FailOver => FailOverAsync(),
        Fault.LoseSlot => LoseSlotAsync(),
        Fault.RecreateSlot => RecreateSlotAsync(),
        Fault.ReadAgain => ReadAgainAsync(),
        Fault.CutClient => CutClientAsync(),
        Fault.KillConnection => KillConnectionAsync(),
        Fault.CrashClient => CrashClientAsync(),
        Fault.PauseClient => PauseClientAsync(),
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
        _world.Service.Crash();
        await PauseAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        _world.Service.EnsureStarted();
    }

    /// <summary>Waits for the moment that matters most: clients may have seen what no disk holds.</summary>
    private async Task CrashServiceBeforeDurableAsync()
    {
        var slowest = _world.StoreFaults.SlowestWrite;
        _world.StoreFaults.SlowestWrite = TimeSpan.FromSeconds(1);
        for (var attempt = 0; attempt < 200 && !_world.IsAheadOfDisk; attempt++)
            await _world.Loop.Delay(TimeSpan.FromMilliseconds(5), "nemesis");
        // Long enough for some of it to reach clients.
        await PauseAsync(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(300));
        await CrashServiceAsync();
        _world.StoreFaults.SlowestWrite = slowest;
    }

    /// <summary>Between any two awaits of the service, as likely where it does little as where it waits long.</summary>
    private async Task CrashServiceAtStepAsync()
    {
        if (_random.Chance(0.5))
            _world.Service.Compact();
        await _world.Service.StepsAsync(_random.Between(1, 200));
        await CrashServiceAsync();
    }

    private TimeSpan Stillness()
    {
        var length = _random.LogBetween(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(60));
        _stillUntil = Math.Max(_stillUntil, _world.Loop.Now + length.Ticks);
        return length;
    }

    private Task PauseServiceAsync()
    {
        Tell("pause the service");
        _world.Service.Pause(Stillness());
        return Task.CompletedTask;
    }

    private Task PauseClientAsync()
    {
        var client = _random.Pick(_world.Clients);
        Tell($"pause {client.Name}");
        client.Pause(Stillness());
        return Task.CompletedTask;
    }

    private Task CutSourceAsync()
    {
        Tell("cut source");
        _world.Source.CutConnections();
        return Task.CompletedTask;
    }

    private async Task RestartSourceAsync()
    {
        var isCrash = _random.Chance(0.5);
        Tell(isCrash ? "crash source" : "stop source");
        _world.Source.Stop(isCrash);
        await PauseAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(3));
        Tell("start source");
        _world.Source.Start();
    }

    private Task FailOverAsync()
    {
        if (_random.Chance(0.7))
            return Task.CompletedTask;
        var commits = _random.Chance(0.3) ? 0 : _random.Between(1, 8);
        Tell(string.Create(CultureInfo.InvariantCulture, $"fail over, without {commits} commits"));
        _world.Source.FailOver(commits, keepsSlots: _random.Chance(0.5));
        return Task.CompletedTask;
    }

    private Task LoseSlotAsync()
    {
        // A rare disaster: it would hide everything else if it struck as often as the others.
        if (_random.Chance(0.8))
            return Task.CompletedTask;
        Tell("lose slot");
        _world.Source.CutConnections();
        _world.Source.Slots.Clear();
        return Task.CompletedTask;
    }

    private Task RecreateSlotAsync()
    {
        if (_random.Chance(0.8))
            return Task.CompletedTask;
        Tell("make the slot anew");
        _world.Source.CutConnections();
        foreach (var name in _world.Source.Slots.Keys.ToList())
            _world.Source.Slots[name] = new SimSlot(name, _world.Source.InsertPosition);
        return Task.CompletedTask;
    }

    private Task KillConnectionAsync()
    {
        if (_random.Chance(0.5))
            return Task.CompletedTask;
        var client = _random.Pick(_world.Clients);
        Tell($"kill the connection of {client.Name}");
        client.KillConnection();
        return Task.CompletedTask;
    }

    private Task ReadAgainAsync()
    {
        var table = _random.Pick(_world.Source.Tables);
        Tell($"read {table.Name} again");
        _world.Service.ReadAgain(table.Name);
        return Task.CompletedTask;
    }

    private Task CutClientAsync()
    {
        var client = _random.Pick(_world.Clients);
        Tell($"cut {client.Name}");
        client.CutConnection();
        return Task.CompletedTask;
    }

    private async Task StallNetworkAsync()
    {
        Tell("stall network");
        _world.NetFaults.IsStalled = true;
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(10));
        _world.NetFaults.IsStalled = false;
    }

    private async Task RefuseConnectionsAsync()
    {
        Tell("refuse connections");
        _world.NetFaults.IsDown = true;
        foreach (var client in _world.Clients)
            client.CutConnection();
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
        _world.NetFaults.IsDown = false;
    }

    private async Task SlowStoreAsync()
    {
        Tell("slow store");
        _world.StoreFaults.SlowestWrite = _random.LogBetween(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(3));
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
        _world.StoreFaults.Heal();
    }

    private async Task FailStoreAsync()
    {
        Tell("failing store");
        _world.StoreFaults.FailingWrites = _random.NextDouble();
        await PauseAsync(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(2));
        _world.StoreFaults.FailingWrites = 0;
    }

    private Task CompactAsync()
    {
        Tell("compact");
        _world.Service.Compact();
        return Task.CompletedTask;
    }

    private Task DeployRulesAsync()
    {
        Tell("deploy rules");
        _world.Service.Deploy(_random.Pick(_world.Application.RulesForms));
        return Task.CompletedTask;
    }

    private async Task CrashClientAsync()
    {
        var client = _random.Pick(_world.Clients);
        client.Crash();
        await PauseAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        client.EnsureStarted();
    }

    private Task PauseAsync(TimeSpan low, TimeSpan high) => _world.Loop.Delay(_random.LogBetween(low, high), "nemesis");

    private void Tell(string what)
    {
        _world.Counts.OtherFaults++;
        _world.Loop.Record("nemesis", "fault", what);
    }
}

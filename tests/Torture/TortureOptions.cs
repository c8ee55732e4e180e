using System.CommandLine;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>Who writes.</summary>
internal enum Writers
{
    Devices,
    Source,
    Both,
}

/// <summary>What a run is.</summary>
internal sealed record TortureOptions
{
    public required int Seed { get; init; }

    public int Clients { get; init; } = 5;

    /// <summary>Transactions a second, of all writers together.</summary>
    public int Rate { get; init; } = 20;

    public TimeSpan Length { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>How long is written again after everything was healed and found equal.</summary>
    public TimeSpan Resume { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long everybody may take to catch up when nothing is in the way.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    public Writers Writers { get; init; } = Writers.Both;

    /// <summary>Faults that may happen; all that this machine can do when empty.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>The command line.</summary>
    public static RootCommand Command(Func<TortureOptions, CancellationToken, Task<int>> runAsync)
    {
        var seed = new Option<int?>("--seed") { Description = "Decides who writes what, and what breaks when; printed at the start. Default: the clock's." };
        var clients = new Option<int>("--clients") { Description = "Devices.", DefaultValueFactory = _ => 5 };
        var rate = new Option<int>("--rate") { Description = "Transactions a second.", DefaultValueFactory = _ => 20 };
        var seconds = new Option<int>("--seconds") { Description = "How long is written while things break.", DefaultValueFactory = _ => 100 };
        var resume = new Option<int>("--resume") { Description = "How many seconds are written again at the end.", DefaultValueFactory = _ => 30 };
        var deadline = new Option<int>("--deadline") { Description = "Seconds within which everybody has to catch up.", DefaultValueFactory = _ => 120 };
        var writers = new Option<Writers>("--writers") { Description = "Who writes.", DefaultValueFactory = _ => Writers.Both };
        var faults = new Option<Fault[]>("--faults") { Description = "What may break. Default: everything.", AllowMultipleArgumentsPerToken = true };
        var command = new RootCommand("Tortures the real service and real devices on a real Postgres. The exit code says what was found; 0 is nothing.")
        {
            seed, clients, rate, seconds, resume, deadline, writers, faults,
        };
        command.SetAction((parsed, cancellation) => runAsync(
            new TortureOptions
            {
                Seed = parsed.GetValue(seed) ?? Environment.TickCount & int.MaxValue,
                Clients = parsed.GetValue(clients),
                Rate = parsed.GetValue(rate),
                Length = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                Resume = TimeSpan.FromSeconds(parsed.GetValue(resume)),
                Deadline = TimeSpan.FromSeconds(parsed.GetValue(deadline)),
                Writers = parsed.GetValue(writers),
                Faults = parsed.GetValue(faults) ?? [],
            },
            cancellation));
        return command;
    }
}

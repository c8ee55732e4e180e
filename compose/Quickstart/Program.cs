using System.CommandLine;
using System.Runtime.InteropServices;
using TopGun.Buckets.Quickstart;

var server = new Option<string>("--server") { Required = true, Description = "Connection keywords of a Postgres server." };
var schema = new Option<string>("--schema") { Required = true, Description = "SQL of the demo's tables." };
var rules = new Option<string>("--rules") { Required = true, Description = "The demo's sync rules." };
var folder = new Option<string>("--folder") { Required = true, Description = "Temporary folder." };
var check = new Option<bool>("--check") { Description = "One scripted round instead of the live screen." };
var command = new RootCommand("Runs the demo; started by compose/quickstart.") { server, schema, rules, folder, check };

command.SetAction(async (given, _) =>
{
    var options = new QuickstartOptions(
        given.GetRequiredValue(server),
        given.GetRequiredValue(schema),
        given.GetRequiredValue(rules),
        given.GetRequiredValue(folder),
        given.GetValue(check));
    using var stopping = new CancellationTokenSource();
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    return await Demo.RunAsync(options, stopping.Token);

    // Everything that was started is stopped before the process ends, so the signal itself must not end it.
    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        stopping.Cancel();
    }
});
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });

using System.CommandLine;
using TopGun.Buckets.Host;

var parsed = CommandLine.Create().Parse(args);
// Signals are the host's: "serve" drains its clients, and the other commands may simply end.
var exitCode = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return parsed.Errors.Count == 0 ? exitCode : ExitCode.Misused;

using System.CommandLine;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Vectors;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun vectors</c>: answers conformance cases for the rules language, one JSON object per line. Needs no database.</summary>
internal static class VectorsCommand
{
    public static Command Create()
    {
        var command = new Command(
            "vectors", "Reads conformance cases of the rules language from standard input, one JSON object per line, and answers each with one line.");
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => RunAsync(Console.In, given.InvocationConfiguration.Output, given.InvocationConfiguration.Error, cancellationToken)));
        return command;
    }

    /// <summary>Answers every line that holds a case; the others are named on <paramref name="error"/>.</summary>
    internal static async Task<int> RunAsync(TextReader input, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var exitCode = ExitCode.Done;
        for (var number = 1; await input.ReadLineAsync(cancellationToken) is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            try
            {
                await output.WriteLineAsync(VectorRunner.Run(line));
            }
            catch (Exception failure) when (failure is JsonException or FormatException)
            {
                await error.WriteLineAsync($"topgun: line {number} is no conformance case: {failure.Message}");
                exitCode = ExitCode.Misused;
            }
        }
        return exitCode;
    }
}

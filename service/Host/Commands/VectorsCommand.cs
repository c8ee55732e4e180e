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
            given.InvocationConfiguration.Error, () => RunAsync(Console.In, given.InvocationConfiguration.Output, cancellationToken)));
        return command;
    }

    internal static async Task<int> RunAsync(TextReader input, TextWriter output, CancellationToken cancellationToken)
    {
        for (var number = 1; await input.ReadLineAsync(cancellationToken) is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
                await output.WriteLineAsync(Run(line, number));
        }
        return ExitCode.Done;
    }

    private static string Run(string line, int number)
    {
        try
        {
            return VectorRunner.Run(line);
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException)
        {
            throw SettingException.Wrong("standard input", $"line {number}", $"a conformance case as a JSON object ({failure.Message})");
        }
    }
}

using System.CommandLine;
using TopGun.Buckets.SyncRules.Vectors;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun vectors</c>: answers conformance cases for the rules language, one JSON object per line. Needs no database.</summary>
internal static class VectorsCommand
{
    public static Command Create()
    {
        var command = new Command(
            "vectors", "Reads conformance cases of the rules language from standard input, one JSON object per line, and answers each with one line.");
        command.SetAction((given, cancellationToken) => RunAsync(Console.In, given.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    internal static async Task<int> RunAsync(TextReader input, TextWriter output, CancellationToken cancellationToken)
    {
        while (await input.ReadLineAsync(cancellationToken) is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
                await output.WriteLineAsync(VectorRunner.Run(line));
        }
        return ExitCode.Done;
    }
}

using System.Runtime.CompilerServices;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>The rules files of the conformance vectors and of the guide.</summary>
internal static class SampleFiles
{
    public static IReadOnlyList<string> Vectors { get; } =
        [.. VectorLines.Select(line => JsonElement.Parse(line, new JsonDocumentOptions { MaxDepth = 1000 }).GetProperty("yaml").GetString()!)];

    public static IReadOnlyList<string> Guide { get; } =
        [.. File.ReadAllText(GuideFile()).Split("```").Where(block => block.StartsWith("yaml\n", StringComparison.Ordinal)).Select(block => block["yaml\n".Length..])];

    public static IEnumerable<string> All => Vectors.Concat(Guide);

    public static IEnumerable<string> VectorLines =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "SyncRules", "Vectors", "sync-rules.jsonl"));

    /// <summary>Every query of a file, right or wrong.</summary>
    public static IEnumerable<string> Queries(string yaml)
    {
        if (RulesFileReader.Read(yaml, new Findings(yaml)) is not { } file)
            return [];
        IEnumerable<QueryText> queries =
        [
            .. file.BucketDefinitions.SelectMany(definition => definition.Parameters.Concat(definition.Data)),
            .. file.Streams.SelectMany(stream => stream.Queries.Concat(stream.Ctes.Select(cte => cte.Query))),
            .. file.GlobalCtes.Select(cte => cte.Query),
            .. file.Events.SelectMany(entry => entry.Payloads),
        ];
        return queries.Select(query => query.Text);
    }

    private static string GuideFile([CallerFilePath] string test = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(test)!, "..", "..", "..", "..", "sync-rules", "README.md"));
}

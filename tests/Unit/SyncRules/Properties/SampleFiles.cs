using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>The rules files of the conformance vectors and of the guide.</summary>
internal static class SampleFiles
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static IReadOnlyList<string> Vectors { get; } =
        [.. VectorLines.Select(line => JsonElement.Parse(line, new JsonDocumentOptions { MaxDepth = 1000 }).GetProperty("yaml").GetString()!)];

    public static IReadOnlyList<string> Guide { get; } =
        [.. File.ReadAllText(GuideFile()).Split("```").Where(block => block.StartsWith("yaml\n", StringComparison.Ordinal)).Select(block => block["yaml\n".Length..])];

    public static IEnumerable<string> All => Vectors.Concat(Guide);

    public static IEnumerable<string> VectorLines =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "SyncRules", "Vectors", "sync-rules.jsonl"));

    /// <summary>Every query of a file, right or wrong.</summary>
    public static IEnumerable<string> Queries(string yaml) => QueryTexts(yaml).Select(query => query.Text);

    /// <summary>The file with every query printed from its syntax tree; null when an output is named after the text of its expression.</summary>
    public static string? Reprinted(string yaml)
    {
        var text = yaml;
        foreach (var query in QueryTexts(yaml).OrderByDescending(query => query.Place.Start))
        {
            var tree = SqlParser.ParseQuery(query.Text, _ => { }, out _);
            if (tree.Items.Any(item => item is { Expression: not (null or ColumnSyntax), Alias: null }))
                return null;
            var end = query.Place.End;
            var printed = JsonSerializer.Serialize(SqlPrinter.Print(tree), Plain);
            text = $"{text[..query.Place.Start]}{printed}{(text[..end].EndsWith('\n') ? "\n" : "")}{text[end..]}";
        }
        return text;
    }

    private static IEnumerable<QueryText> QueryTexts(string yaml)
    {
        if (RulesFileReader.Read(yaml, new Findings(yaml)) is not { } file)
            return [];
        return
        [
            .. file.BucketDefinitions.SelectMany(definition => definition.Parameters.Concat(definition.Data.Select(query => query.Text))),
            .. file.Streams.SelectMany(stream => stream.Queries.Select(query => query.Text).Concat(stream.Ctes.Select(cte => cte.Query))),
            .. file.GlobalCtes.Select(cte => cte.Query),
            .. file.Events.SelectMany(entry => entry.Payloads),
        ];
    }

    private static string GuideFile([CallerFilePath] string test = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(test)!, "..", "..", "..", "..", "sync-rules", "README.md"));
}

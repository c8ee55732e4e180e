using System.Text.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Vectors;

/// <summary>Compares what a vector produced with what it expects.</summary>
internal static class VectorComparison
{
    /// <summary>What differs, in words; empty when nothing does.</summary>
    public static List<string> Differences(JsonElement vector, JsonElement actual)
    {
        var differences = new List<string>();
        var error = actual.GetProperty("error");
        if (vector.TryGetProperty("expect_error", out var expectedError))
        {
            if (error.ValueKind == JsonValueKind.Null)
                differences.Add($"should be refused as {expectedError}");
            else if (Family(error) != Family(expectedError))
                differences.Add($"is refused as {error}, not {expectedError}");
            return differences;
        }
        if (error.ValueKind != JsonValueKind.Null)
        {
            differences.Add($"is refused as {error}");
            return differences;
        }
        CompareWarnings(vector, actual, differences);
        var isExact = vector.GetProperty("bucket_match").GetString() == "exact";
        CompareSets("rows", Rows(vector, "expect_rows", isExact), Rows(actual, "rows", isExact), differences);
        CompareSets("row errors", Errors(vector, "expect_row_errors"), Errors(actual, "row_errors"), differences);
        if (vector.TryGetProperty("expect_parameter_rows", out _))
            CompareSets("parameter rows", ParameterRows(vector, "expect_parameter_rows"), ParameterRows(actual, "parameter_rows"), differences);
        CompareRequests(vector, actual, isExact, differences);
        return differences;
    }

    private static string Family(JsonElement error) => error.GetProperty("class").GetString()!.Split('_')[0];

    private static void CompareWarnings(JsonElement vector, JsonElement actual, List<string> differences)
    {
        var reported = actual.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetString()).ToHashSet();
        foreach (var warning in vector.GetProperty("expect_warnings").EnumerateArray())
        {
            if (!reported.Contains(warning.GetString()))
                differences.Add($"does not warn of {warning}");
        }
    }

    private static void CompareRequests(JsonElement vector, JsonElement actual, bool isExact, List<string> differences)
    {
        var expected = vector.GetProperty("requests").EnumerateArray().ToList();
        var answers = actual.GetProperty("requests").EnumerateArray().ToList();
        Assert.Equal(expected.Count, answers.Count);
        for (var index = 0; index < expected.Count; index++)
        {
            var what = $"request {index}";
            var fails = expected[index].TryGetProperty("expect_error", out var failure) && failure.ValueKind != JsonValueKind.Null;
            if (fails != (answers[index].GetProperty("error").ValueKind != JsonValueKind.Null))
                differences.Add($"{what}: failure is {answers[index].GetProperty("error")}");
            if (fails)
                continue;
            if (isExact)
                CompareSets($"{what} buckets", Buckets(expected[index], "expect_buckets"), Buckets(answers[index], "buckets"), differences);
            else
                CompareSets($"{what} priorities", BestPriorities(vector, "expect_rows", expected[index], "expect_buckets"), BestPriorities(actual, "rows", answers[index], "buckets"), differences);
            CompareSets($"{what} synced", Synced(expected[index], "expect_synced"), Synced(answers[index], "synced"), differences);
            CompareSets($"{what} errors", StreamErrors(expected[index], "expect_errors"), StreamErrors(answers[index], "errors"), differences);
        }
    }

    private static IEnumerable<string> Rows(JsonElement owner, string name, bool withBuckets) => Items(owner, name).Select(entry =>
        $"{entry.GetProperty("row")} {(withBuckets ? entry.GetProperty("bucket").GetString() : "")} {entry.GetProperty("table")} {entry.GetProperty("id").GetString()} {Canonical(entry.GetProperty("data_json"))} {Canonical(entry.GetProperty("data"))}");

    private static IEnumerable<string> Errors(JsonElement owner, string name) =>
        Items(owner, name).Select(entry => $"{entry.GetProperty("row")} {entry.GetProperty("kind")}");

    private static IEnumerable<string> StreamErrors(JsonElement owner, string name) =>
        Items(owner, name).Select(entry => $"{entry.GetProperty("definition")} {entry.GetProperty("class")}");

    private static IEnumerable<string> ParameterRows(JsonElement owner, string name) => Items(owner, name).Select(entry =>
        $"{entry.GetProperty("row")} {entry.GetProperty("definition")} {entry.GetProperty("query")} {Canonical(entry.GetProperty("lookup"))} {Canonical(entry.GetProperty("bucket_parameters"))}");

    private static IEnumerable<string> Buckets(JsonElement owner, string name) => Items(owner, name).Select(entry =>
        $"{entry.GetProperty("bucket").GetString()} {entry.GetProperty("priority")} {entry.GetProperty("definition")} {Canonical(entry.GetProperty("reasons"))}");

    private static IEnumerable<string> Synced(JsonElement owner, string name) => Items(owner, name).Select(entry =>
        $"{entry.GetProperty("table")} {entry.GetProperty("id").GetString()} {Canonical(entry.GetProperty("data_json"))}");

    private static IEnumerable<string> BestPriorities(JsonElement rows, string rowsName, JsonElement request, string bucketsName)
    {
        var priorities = Items(request, bucketsName).ToDictionary(
            bucket => bucket.GetProperty("bucket").GetString()!, bucket => bucket.GetProperty("priority").GetInt32());
        return Items(rows, rowsName)
            .Where(entry => priorities.ContainsKey(entry.GetProperty("bucket").GetString()!))
            .GroupBy(entry => $"{entry.GetProperty("table")} {entry.GetProperty("id")} {Canonical(entry.GetProperty("data_json"))}")
            .Select(group => $"{group.Key} {group.Min(entry => priorities[entry.GetProperty("bucket").GetString()!])}");
    }

    private static IEnumerable<JsonElement> Items(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [];

    private static void CompareSets(string what, IEnumerable<string> expected, IEnumerable<string> actual, List<string> differences)
    {
        var wanted = expected.ToHashSet();
        var found = actual.ToHashSet();
        differences.AddRange(wanted.Except(found).Select(item => $"{what}: misses {item}"));
        differences.AddRange(found.Except(wanted).Select(item => $"{what}: has {item}"));
    }

    // Member order is informational; 1 and 1.0 differ, which their raw text shows.
    private static string Canonical(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String when element.GetString() is ['{' or '[', ..] text && IsJson(text):
                using (var inner = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 1000 }))
                    return "'" + Canonical(inner.RootElement) + "'";
            case JsonValueKind.Object:
                return "{" + string.Join(',', element.EnumerateObject()
                    .OrderBy(member => member.Name, StringComparer.Ordinal)
                    .Select(member => $"{member.Name}:{Canonical(member.Value)}")) + "}";
            case JsonValueKind.Array:
                return "[" + string.Join(',', element.EnumerateArray().Select(Canonical)) + "]";
            case JsonValueKind.Number when element.GetRawText().AsSpan().IndexOfAny('.', 'e', 'E') >= 0:
                return element.GetDouble().ToString("R", System.Globalization.CultureInfo.InvariantCulture) + "r";
            default:
                return element.GetRawText();
        }
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var _ = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 1000 });
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

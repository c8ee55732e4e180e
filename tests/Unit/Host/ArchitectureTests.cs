using System.Globalization;
using System.Text.RegularExpressions;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

public partial class ArchitectureTests
{
    private static readonly string Page = File.ReadAllText(Repository.Path("service/ARCHITECTURE.md"));

    [Fact]
    public void Every_error_code_of_the_code_is_listed()
    {
        var listed = Listed().ToHashSet();
        var used = Sources("service", "client", "sync-rules")
            .SelectMany(path => Code().Matches(File.ReadAllText(path)))
            .Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))
            .Distinct()
            .ToList();

        Assert.NotEmpty(used);
        Assert.All(used, code => Assert.Contains(code, listed));
    }

    [Fact]
    public void Every_proof_it_names_exists()
    {
        var names = Page.Split('\n')
            .SkipWhile(line => line != "## Invariants")
            .TakeWhile(line => line != "## Decisions")
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Skip(1)
            .SelectMany(line => Quoted().Matches(line.Split('|')[3]))
            .Select(match => match.Groups[1].Value)
            .ToList();
        var tests = string.Join('\n', Sources("tests").Select(File.ReadAllText));

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Matches($@"\b{Regex.Escape(name)}\b", tests));
    }

    [Fact]
    public void Every_link_leads_somewhere() =>
        Assert.All(Link().Matches(Page), link => Assert.True(Path.Exists(Repository.Path(Path.Combine("service", link.Groups[1].Value))), link.Value));

    // "TGB3000–TGB3035" stands for all in between.
    private static IEnumerable<int> Listed() =>
        from row in Page.Split('\n')
        where row.StartsWith("| TGB", StringComparison.Ordinal)
        let codes = Code().Matches(row.Split('|')[1]).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToList()
        from code in row.Contains('–', StringComparison.Ordinal) ? Enumerable.Range(codes[0], codes[^1] - codes[0] + 1) : codes
        select code;

    private static IEnumerable<string> Sources(params string[] folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Repository.Path(folder), "*.cs", SearchOption.AllDirectories))
        .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.EndsWith("ArchitectureTests.cs", StringComparison.Ordinal));

    [GeneratedRegex(@"TGB(\d{4})")]
    private static partial Regex Code();

    [GeneratedRegex(@"`([A-Za-z_]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();
}

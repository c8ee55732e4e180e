using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

/// <summary>
/// What the simulation runs gets time, randomness and threads from outside: the same seed would not give the same run otherwise. Read from the source text.
/// </summary>
public class DeterminismTests
{
    /// <summary>Folders of which everything runs in the simulation.</summary>
    private static readonly string[] Inside =
    [
        "service/Protocol", "service/Replication", "service/BucketLog", "service/Grid", "service/Streaming/Sessions", "service/Streaming/Encodings",
        "sync-rules", "client",
    ];

    /// <summary>What lies in these folders and outside of the simulation all the same, or does no harm there.</summary>
    private static readonly Dictionary<string, string> Outside = new(StringComparer.Ordinal)
    {
        ["service/Replication/Links/NpgsqlReplicationLink.cs"] = "the connection itself",
        ["service/Replication/SourceDoctor.cs"] = "run by a command",
        ["service/Protocol/Json/SyncLineWriter.cs"] = "a buffer for each thread",
        ["service/Protocol/Json/DataLineWriter.cs"] = "a buffer for each thread",
        ["service/Grid/BucketGrid.Eviction.cs"] = "garbage is collected beside everything",
        ["client/Ado/Blocking.cs"] = "for callers that cannot await, of which the simulation has none",
        ["client/LocalStore/LocalDatabase.cs"] = "waits for other processes, of which there are none",
        ["client/LocalStore/ThreadedExecution.cs"] = "threads, for which the simulation has others",
        ["client/BucketsClientOptions.cs"] = "what production is given",
        ["client/Queries/Live/QueryObservable.cs"] = "on top of the client",
        ["client/Queries/Live/LiveList.cs"] = "on top of the client",
        ["client/Queries/Live/RowHash.cs"] = "decides nothing",
        ["client/Samples"] = "applications",
    };

    public static TheoryData<string, string> Offences => new()
    {
        { "await work.ConfigureAwait(false);", "ConfigureAwait(false)" },
        { "Task.Run(work);", "Task.Run" },
        { "Parallel.For(0, 1, work);", "Parallel" },
        { "Task.Delay(span, token);", "Task.Delay without a clock" },
        { "new CancellationTokenSource(span);", "CancellationTokenSource without a clock" },
        { "new PeriodicTimer(span);", "PeriodicTimer without a clock" },
        { "var now = DateTimeOffset.UtcNow;", "DateTimeOffset.UtcNow" },
        { "var now = System.DateTime.Now;", "DateTime.Now" },
        { "Guid.NewGuid();", "Guid.NewGuid" },
        { "Random.Shared.Next();", "Random.Shared" },
        { "new Random();", "new Random()" },
        { "new Thread(work);", "new Thread()" },
        { "var hash = name.GetHashCode();", "GetHashCode in logic" },
        { "var queue = new PriorityQueue<string, long>();", "PriorityQueue without a turn" },
        { "static int _count;", "a static that changes" },
        { "ConcurrentDictionary<string, int> all;", "ConcurrentDictionary" },
    };

    [Fact]
    public void Rooms_below_the_border_have_no_hidden_inputs()
    {
        var files = Inside
            .SelectMany(folder => Directory.EnumerateFiles(Repository.Path(folder), "*.cs", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(Repository.Path(""), path))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .ToList();
        var found = files.ToDictionary(
            path => path, path => Find(File.ReadAllText(Repository.Path(path))), StringComparer.Ordinal);

        Assert.True(files.Count > 300, "the rooms are somewhere else");
        Assert.Empty(found.Where(file => !IsOutside(file.Key)).SelectMany(file => file.Value.Select(offence => $"{file.Key}{offence}")));
        Assert.All(Outside.Keys, path => Assert.Contains(found, file => IsAt(file.Key, path) && file.Value.Count > 0));
    }

    [Theory]
    [MemberData(nameof(Offences))]
    public void Each_offence_is_seen(string line, string offence)
    {
        var member = line.StartsWith("static", StringComparison.Ordinal) ? line : $"async Task M() {{ {line} }}";

        Assert.Contains(Find($"class C {{ {member} }}"), found => found.EndsWith(offence, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("await Task.Delay(span, time, token);")]
    [InlineData("new CancellationTokenSource(span, _time);")]
    [InlineData("var queue = new PriorityQueue<string, (long Rank, long Turn)>();")]
    [InlineData("await work.ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext);")]
    public void What_is_allowed_is_no_offence(string line) =>
        Assert.Empty(Find($"class C {{ static readonly int A = 1; const int B = 2; async Task M() {{ {line} }} }}"));

    private static bool IsOutside(string path) => Outside.Keys.Any(outside => IsAt(path, outside));

    private static bool IsAt(string path, string place) => path == place || path.StartsWith(place + "/", StringComparison.Ordinal);

    private static List<string> Find(string text)
    {
        var tree = CSharpSyntaxTree.ParseText(text);
        return
        [
            .. tree.GetRoot().DescendantNodes()
                .Select(node => (Offence: Judge(node), Line: tree.GetLineSpan(node.Span).StartLinePosition.Line + 1))
                .Where(found => found.Offence is not null)
                .Select(found => $":{found.Line} {found.Offence}"),
        ];
    }

    private static string? Judge(SyntaxNode node) => node switch
    {
        InvocationExpressionSyntax call => Judge(call),
        MemberAccessExpressionSyntax access => Judge(access),
        ObjectCreationExpressionSyntax creation => Judge(creation),
        GenericNameSyntax name => Judge(name),
        FieldDeclarationSyntax field when IsStatic(field) && !Has(field, SyntaxKind.ReadOnlyKeyword) => "a static that changes",
        PropertyDeclarationSyntax property when IsStatic(property) && CanBeSet(property) => "a static that changes",
        DestructorDeclarationSyntax => "a finalizer",
        _ => null,
    };

    private static string? Judge(InvocationExpressionSyntax call)
    {
        var arguments = call.ArgumentList.Arguments;
        return call.Expression switch
        {
            MemberAccessExpressionSyntax { Name.Identifier.Text: "ConfigureAwait" } when arguments is [{ Expression: LiteralExpressionSyntax literal }]
                && literal.IsKind(SyntaxKind.FalseLiteralExpression) => "ConfigureAwait(false)",
            MemberAccessExpressionSyntax { Name.Identifier.Text: "GetHashCode" } when arguments.Count == 0 && !IsInHashing(call) => "GetHashCode in logic",
            MemberAccessExpressionSyntax { Name.Identifier.Text: "Delay" } delay when TypeOf(delay) == "Task" && !NamesClock(arguments) =>
                "Task.Delay without a clock",
            _ => null,
        };
    }

    private static string? Judge(MemberAccessExpressionSyntax access)
    {
        var (type, member) = (TypeOf(access), access.Name.Identifier.Text);
        return (type, member) switch
        {
            ("Parallel" or "ThreadPool" or "Stopwatch" or "RandomNumberGenerator", _) => type,
            ("HashCode", _) => IsInHashing(access) ? null : "HashCode in logic",
            ("Task", "Run" or "Factory") or ("Thread", "Sleep") or ("Guid", "NewGuid" or "CreateVersion7") or ("Random", "Shared")
                or ("TimeProvider", "System") or ("Environment", "TickCount" or "TickCount64")
                or ("DateTime" or "DateTimeOffset", "Now" or "UtcNow" or "Today") => $"{type}.{member}",
            _ => null,
        };
    }

    private static string? Judge(ObjectCreationExpressionSyntax creation)
    {
        var arguments = creation.ArgumentList?.Arguments ?? default;
        return creation.Type.ToString() switch
        {
            "Thread" or "Timer" => $"new {creation.Type}()",
            "Random" when arguments.Count == 0 => "new Random()",
            "CancellationTokenSource" or "PeriodicTimer" when arguments.Count > 0 && !NamesClock(arguments) => $"{creation.Type} without a clock",
            _ => null,
        };
    }

    private static string? Judge(GenericNameSyntax name) => name.Identifier.Text switch
    {
        "ConcurrentDictionary" or "ImmutableDictionary" or "ImmutableHashSet" or "ConditionalWeakTable" or "WeakReference" => name.Identifier.Text,
        "PriorityQueue" when name.TypeArgumentList.Arguments[^1] is PredefinedTypeSyntax => "PriorityQueue without a turn",
        _ => null,
    };

    /// <summary>Last part of what stands before the dot.</summary>
    private static string TypeOf(MemberAccessExpressionSyntax access) => access.Expression switch
    {
        IdentifierNameSyntax name => name.Identifier.Text,
        MemberAccessExpressionSyntax { Name: IdentifierNameSyntax name } => name.Identifier.Text,
        _ => "",
    };

    private static bool NamesClock(SeparatedSyntaxList<ArgumentSyntax> arguments) => arguments.Any(argument =>
        argument.Expression is IdentifierNameSyntax or MemberAccessExpressionSyntax
        && argument.Expression.ToString() is var text
        && (text.EndsWith("time", StringComparison.OrdinalIgnoreCase)
            || text.EndsWith("clock", StringComparison.OrdinalIgnoreCase)
            || text.EndsWith("TimeProvider", StringComparison.Ordinal)));

    private static bool IsInHashing(SyntaxNode node) =>
        node.Ancestors().OfType<MethodDeclarationSyntax>().FirstOrDefault()?.Identifier.Text == "GetHashCode";

    private static bool IsStatic(MemberDeclarationSyntax member) => Has(member, SyntaxKind.StaticKeyword);

    private static bool Has(MemberDeclarationSyntax member, SyntaxKind keyword) => member.Modifiers.Any(keyword);

    private static bool CanBeSet(PropertyDeclarationSyntax property) =>
        property.AccessorList?.Accessors.Any(accessor => accessor.IsKind(SyntaxKind.SetAccessorDeclaration) && accessor.Body is null && accessor.ExpressionBody is null) == true;
}

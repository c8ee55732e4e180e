using TopGun.Buckets.DemoBackend;
using TopGun.Buckets.Host;
using TopGun.Buckets.SyncRules;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace TopGun.Buckets.Tests.Unit.Compose;

/// <summary>The compose file is checked against the code it starts, so it cannot go stale where there is no container engine to try it.</summary>
public class ComposeFileTests
{
    private static readonly YamlMappingNode File = Parse("compose/compose.yaml");
    private static readonly YamlMappingNode PostgresStore = Parse("compose/postgres-store.yaml");

    [Fact]
    public void It_starts_the_source_the_service_and_the_backend() =>
        Assert.Equal(["backend", "postgres", "service"], Map(File, "services").Children.Keys.Select(Text).Order());

    [Fact]
    public void Every_variable_of_the_service_is_one_of_its_settings()
    {
        var known = SettingList.All.Select(setting => setting.Variable).ToHashSet();

        Assert.All(Environment("service").Keys, name => Assert.Contains(name, known));
    }

    [Fact]
    public void The_service_starts_with_the_values_given()
    {
        var environment = Environment("service");

        var settings = ServiceSettings.Read(new SettingReader(_ => [], environment.GetValueOrDefault));

        Assert.Equal("postgres:5432/demo", settings.Source.ToString());
        Assert.Equal(8080, settings.Listen.Port);
    }

    [Fact]
    public void Every_variable_of_the_backend_is_one_of_its_settings()
    {
        Assert.All(Environment("backend").Keys, name => Assert.Contains(name, DemoSettings.Variables));

        Assert.Equal(Environment("service")["TOPGUN_JWT_SECRET"], Environment("backend")["TOPGUN_JWT_SECRET"]);
        Assert.Equal(Environment("service")["TOPGUN_JWT_AUDIENCE"], Environment("backend")["TOPGUN_JWT_AUDIENCE"]);
    }

    [Fact]
    public void The_source_has_logical_decoding()
    {
        Assert.StartsWith("postgres:", Text(Service("postgres").Children["image"]), StringComparison.Ordinal);
        Assert.Contains("wal_level=logical", List(Service("postgres"), "command"));
    }

    [Theory]
    [InlineData("service", "TOPGUN_LISTEN")]
    [InlineData("backend", "DEMO_LISTEN")]
    public void Published_ports_are_those_listened_on(string service, string variable)
    {
        var port = new Uri(Environment(service)[variable]).Port;

        Assert.Equal([$"{port}:{port}"], List(Service(service), "ports"));
    }

    [Theory]
    [InlineData("service")]
    [InlineData("backend")]
    public void Images_are_built_from_a_file_that_copies_what_exists(string service)
    {
        var build = Map(Service(service), "build");
        Assert.Equal("..", Text(build.Children["context"]));
        var lines = System.IO.File.ReadAllLines(Repository.Path(Text(build.Children["dockerfile"])));

        Assert.Equal(2, lines.Count(line => line.StartsWith("FROM mcr.microsoft.com/dotnet/", StringComparison.Ordinal)));
        var copied = lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ')[1..^1]);
        Assert.All(copied, path => Assert.True(Path.Exists(Repository.Path(path)), path));
    }

    [Fact]
    public void Mounted_files_exist_and_named_volumes_are_declared()
    {
        var declared = Map(File, "volumes").Children.Keys.Select(Text).ToList();
        var mounts = Map(File, "services").Children.Values.Cast<YamlMappingNode>()
            .Where(service => service.Children.ContainsKey("volumes"))
            .SelectMany(service => List(service, "volumes"))
            .Select(mount => mount.Split(':')[0])
            .ToList();

        Assert.NotEmpty(mounts);
        Assert.All(mounts, mount => Assert.True(
            mount.StartsWith("./", StringComparison.Ordinal)
                ? System.IO.File.Exists(Repository.Path(Path.Combine("compose", mount)))
                : declared.Contains(mount),
            mount));
    }

    [Fact]
    public void The_rules_file_that_is_mounted_is_the_one_the_service_reads()
    {
        var mount = List(Service("service"), "volumes").Single(mount => mount.StartsWith("./sync-rules.yaml", StringComparison.Ordinal));

        Assert.Equal(Environment("service")["TOPGUN_RULES"], mount.Split(':')[1]);
    }

    [Fact]
    public void The_example_rules_are_accepted_without_a_finding()
    {
        var result = RuleSet.Parse(System.IO.File.ReadAllText(Repository.Path("compose/sync-rules.yaml")), new RuleSetOptions());

        Assert.Empty(result.Findings);
        Assert.NotNull(result.Rules);
    }

    [Fact]
    public void With_the_store_in_postgres_the_service_writes_it_and_the_reader_reads_it()
    {
        var over = Environment(PostgresStore, "service");
        var usual = Environment("service");
        var writer = ServiceSettings.Read(new SettingReader(_ => [], name => over.GetValueOrDefault(name) ?? usual.GetValueOrDefault(name)));
        var environment = Environment(PostgresStore, "reader");
        var reader = ServiceSettings.Read(new SettingReader(_ => [], environment.GetValueOrDefault));

        Assert.Equal((StoreBackend.Postgres, ServiceRole.Writer), (writer.StoreBackend, writer.Role));
        Assert.Equal((StoreBackend.Postgres, ServiceRole.Reader), (reader.StoreBackend, reader.Role));
        Assert.Equal((writer.StoreDatabase, writer.StoreSchema), (reader.StoreDatabase, reader.StoreSchema));
        Assert.Null(reader.RulesPath); // they are in the store
        Assert.Equal(writer.JwtSecret, reader.JwtSecret);
        Assert.Equal(writer.Audiences, reader.Audiences);
        Assert.NotEqual(writer.Listen.Port, reader.Listen.Port);
    }

    [Theory]
    [InlineData("postgres")]
    [InlineData("service")]
    public void Health_is_checked(string service) => Assert.NotEmpty(List(Map(Service(service), "healthcheck"), "test"));

    private static Dictionary<string, string> Environment(string service) => Environment(File, service);

    private static Dictionary<string, string> Environment(YamlMappingNode file, string service)
    {
        var environment = Map(Map(Map(file, "services"), service), "environment");
        var values = new Dictionary<string, string>();
        foreach (var (key, value) in environment.Children)
        {
            // "<<" merges another mapping: YAML's way to share a block.
            if (Text(key) == "<<")
            {
                foreach (var (shared, text) in ((YamlMappingNode)value).Children)
                    values.TryAdd(Text(shared), Default(Text(text)));
            }
            else
            {
                values[Text(key)] = Default(Text(value));
            }
        }
        return values;
    }

    // ${NAME:-default}
    private static string Default(string text) =>
        text.StartsWith("${", StringComparison.Ordinal) ? text[(text.IndexOf(":-", StringComparison.Ordinal) + 2)..^1] : text;

    private static YamlMappingNode Service(string name) => Map(Map(File, "services"), name);

    private static YamlMappingNode Map(YamlMappingNode node, string key) => (YamlMappingNode)node.Children[key];

    private static IReadOnlyList<string> List(YamlMappingNode node, string key) =>
        [.. ((YamlSequenceNode)node.Children[key]).Select(Text)];

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    private static YamlMappingNode Parse(string path)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(System.IO.File.ReadAllText(Repository.Path(path))));
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }
}

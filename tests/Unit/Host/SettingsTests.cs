using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Host;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

public class SettingsTests
{
    private const string Secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";

    [Fact]
    public void Defaults_are_those_of_the_documentation()
    {
        var settings = Read(Required);

        Assert.Equal("topgun", settings.Publication);
        Assert.Equal(StoreBackend.Embedded, settings.StoreBackend);
        Assert.Equal("./topgun-store", settings.StorePath);
        Assert.Equal(new Uri("http://127.0.0.1:8080"), settings.Listen);
        Assert.Equal(512L << 20, settings.GridBytes);
        Assert.Equal(1000, settings.MaxBuckets);
        Assert.Equal(PublishMode.Memory, settings.Publish);
        Assert.Null(settings.JwtKeyId);
    }

    [Fact]
    public void A_flag_wins_over_the_environment()
    {
        var settings = Read(Required.With("TOPGUN_PUBLICATION", "from_environment"), ("--publication", ["from_flag"]));

        Assert.Equal("from_flag", settings.Publication);
    }

    [Fact]
    public void An_empty_variable_counts_as_not_set()
    {
        var settings = Read(Required.With("TOPGUN_PUBLICATION", "").With("TOPGUN_JWT_KID", ""));

        Assert.Equal("topgun", settings.Publication);
        Assert.Null(settings.JwtKeyId);
    }

    [Fact]
    public void Audiences_may_be_repeated_or_separated_by_commas()
    {
        Assert.Equal(["a", "b"], Read(Required.With("TOPGUN_JWT_AUDIENCE", "a, b")).Audiences);
        Assert.Equal(["a", "b", "c"], Read(Required, ("--audience", ["a", "b,c"])).Audiences);
    }

    [Theory]
    [InlineData("embedded", nameof(StoreBackend.Embedded))]
    [InlineData("sqlite", nameof(StoreBackend.Embedded))]
    [InlineData("redb", nameof(StoreBackend.Embedded))]
    [InlineData("null", nameof(StoreBackend.Null))]
    [InlineData("postgres", nameof(StoreBackend.Postgres))]
    public void A_store_backend_may_be_called_by_each_of_its_names(string name, string backend) =>
        Assert.Equal(backend, Read(Required.With("STORAGE_BACKEND", name).With("DATABASE_URL", "postgres://db/app")).StoreBackend.ToString());

    [Theory]
    [InlineData("TOPGUN_SOURCE_URL", "mysql://db/app")]
    [InlineData("TOPGUN_SOURCE_URL", "host=db")]
    [InlineData("TOPGUN_PUBLICATION", "Has Blanks")]
    [InlineData("STORAGE_BACKEND", "mongodb")]
    [InlineData("TOPGUN_LISTEN", "localhost:8080")]
    [InlineData("TOPGUN_LISTEN", "http://127.0.0.1:8080/path")]
    [InlineData("TOPGUN_GRID_BYTES", "512MB")]
    [InlineData("TOPGUN_GRID_BYTES", "1000")]
    [InlineData("TOPGUN_MAX_BUCKETS", "0")]
    [InlineData("TOPGUN_MAX_BUCKETS", "many")]
    [InlineData("TOPGUN_PUBLISH", "sometimes")]
    [InlineData("TOPGUN_PUBLISH", "1")]
    [InlineData("TOPGUN_JWKS", "ftp://example.org/keys")]
    public void A_wrong_value_is_refused_with_its_setting_its_value_and_the_rule(string variable, string value)
    {
        var setting = SettingList.All.Single(setting => setting.Variable == variable);

        var failure = Assert.Throws<SettingException>(() => Read(Required.With(variable, value)));

        Assert.Equal("TGB1001", failure.Code);
        Assert.Contains(setting.Name, failure.Message, StringComparison.Ordinal);
        Assert.Contains(variable, failure.Message, StringComparison.Ordinal);
        Assert.Contains($"'{value}'", failure.Message, StringComparison.Ordinal);
        Assert.Contains(setting.Rule, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_needs_a_store_that_processes_share()
    {
        var failure = Assert.Throws<SettingException>(() => Read(Required.With("TOPGUN_ROLE", "reader")));

        Assert.Equal("TGB1001", failure.Code);
        Assert.Contains("STORAGE_BACKEND", failure.Message, StringComparison.Ordinal);
        Assert.Equal(
            ServiceRole.Reader,
            Read(Required.With("TOPGUN_ROLE", "reader").With("STORAGE_BACKEND", "postgres").With("DATABASE_URL", "postgres://db/app")).Role);
    }

    [Fact]
    public void A_postgres_store_needs_its_database_and_shows_no_password()
    {
        Assert.Contains("DATABASE_URL", Assert.Throws<SettingException>(() => Read(Required.With("STORAGE_BACKEND", "postgres"))).Message, StringComparison.Ordinal);

        var failure = Assert.Throws<SettingException>(() => Read(
            Required.With("STORAGE_BACKEND", "postgres").With("DATABASE_URL", "postgres://app:hunter2@db:port/app")));
        Assert.DoesNotContain("hunter2", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dG9vIHNob3J0")]
    [InlineData("not base64url at all, but long enough to be a secret +/+/+/")]
    public void A_wrong_secret_is_refused_without_being_shown(string value)
    {
        var failure = Assert.Throws<SettingException>(() => Read(Required.With("TOPGUN_JWT_SECRET", value)));

        Assert.DoesNotContain(value, failure.Message, StringComparison.Ordinal);
        Assert.Contains("TOPGUN_JWT_SECRET", failure.Message, StringComparison.Ordinal);
        Assert.Contains("32 bytes", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgres://app:hunter2@db:port/app")]
    [InlineData("host=db password=hunter2")]
    public void A_wrong_source_is_refused_without_its_password(string value)
    {
        var failure = Assert.Throws<SettingException>(() => Read(Required.With("TOPGUN_SOURCE_URL", value)));

        Assert.DoesNotContain("hunter2", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TOPGUN_SOURCE_URL", "--source")]
    [InlineData("TOPGUN_RULES", "--rules")]
    [InlineData("TOPGUN_JWT_AUDIENCE", "--audience")]
    [InlineData("TOPGUN_JWT_SECRET", "--jwks")]
    public void A_missing_setting_is_named_with_both_ways_to_set_it(string variable, string flag)
    {
        var failure = Assert.Throws<SettingException>(() => Read(Required.With(variable, "")));

        Assert.Equal("TGB1002", failure.Code);
        Assert.Contains(variable, failure.Message, StringComparison.Ordinal);
        Assert.Contains(flag, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_unique() =>
        Assert.All(
            new[]
            {
                SettingList.All.Select(setting => setting.Name),
                SettingList.All.Select(setting => setting.Variable),
                SettingList.All.Where(setting => setting.Flag is not null).Select(setting => setting.Flag!),
            },
            names => Assert.Distinct(names));

    private static readonly Variables Required = new Variables([])
        .With("TOPGUN_SOURCE_URL", "postgres://topgun@db/app")
        .With("TOPGUN_RULES", "sync-rules.yaml")
        .With("TOPGUN_JWT_SECRET", Secret)
        .With("TOPGUN_JWT_AUDIENCE", "app");

    private static ServiceSettings Read(Variables variables, params (string Flag, string[] Values)[] flags) =>
        ServiceSettings.Read(new SettingReader(
            flag => flags.FirstOrDefault(given => given.Flag == flag).Values ?? [],
            variables.Find));

    private sealed record Variables(IReadOnlyDictionary<string, string> Values)
    {
        public Variables(IEnumerable<KeyValuePair<string, string>> values)
            : this(new Dictionary<string, string>(values))
        {
        }

        public Variables With(string name, string value) => new(Values.Where(pair => pair.Key != name).Append(new(name, value)));

        public string? Find(string name) => Values.GetValueOrDefault(name);
    }
}

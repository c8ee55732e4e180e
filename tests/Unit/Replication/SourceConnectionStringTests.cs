using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class SourceConnectionStringTests
{
    [Theory]
    [InlineData("postgres://ann:s%40cret@db.example:6432/app?sslmode=verify-full&connect_timeout=7")]
    [InlineData("postgresql://ann:s%40cret@db.example:6432/app?connect_timeout=7&sslmode=verify-full")]
    [InlineData("host=db.example port=6432 dbname=app user=ann password='s@cret' sslmode=verify-full connect_timeout=7")]
    [InlineData("host = db.example  port = 6432 dbname = app user = ann password = s@cret sslmode=verify-full connect_timeout=7")]
    [InlineData("Host=db.example;Port=6432;Database=app;Username=ann;Password=s@cret;SSL Mode=VerifyFull;Timeout=7")]
    public void Every_form_says_the_same(string text)
    {
        var parsed = SourceConnectionString.Parse(text);

        Assert.Equal("db.example", parsed.Host);
        Assert.Equal(6432, parsed.Port);
        Assert.Equal("app", parsed.Database);
        Assert.Equal("ann", parsed.Username);
        Assert.Equal("s@cret", parsed.Password);
        Assert.Equal(SslMode.VerifyFull, parsed.SslMode);
        Assert.Equal(7, parsed.Timeout);
    }

    [Theory]
    [InlineData("postgres:///app?host=/var/run/postgresql", "/var/run/postgresql")]
    [InlineData("postgres://%2Fvar%2Frun%2Fpostgresql/app", "/var/run/postgresql")]
    [InlineData("host=/var/run/postgresql dbname=app", "/var/run/postgresql")]
    [InlineData("postgres://[::1]:5433/app", "::1")]
    public void Sockets_and_addresses_are_understood(string text, string host)
    {
        var parsed = SourceConnectionString.Parse(text);

        Assert.Equal("app", parsed.Database);
        Assert.Equal(host, parsed.Host);
    }

    [Theory]
    [InlineData("postgres://db.example/app", SslMode.VerifyFull)]
    [InlineData("host=10.0.0.7 dbname=app", SslMode.VerifyFull)]
    [InlineData("Host=db.example;Database=app", SslMode.VerifyFull)]
    [InlineData("postgres://db.example/app?sslmode=disable", SslMode.Disable)]
    [InlineData("Host=db.example;Database=app;SSL Mode=Prefer", SslMode.Prefer)]
    [InlineData("postgres://db.example/app?sslmode=verify-ca&sslrootcert=system", SslMode.VerifyCA)]
    [InlineData("postgres://localhost/app", SslMode.Prefer)]
    [InlineData("postgres://127.0.0.1/app", SslMode.Prefer)]
    [InlineData("postgres://[::1]/app", SslMode.Prefer)]
    [InlineData("host=/var/run/postgresql dbname=app", SslMode.Prefer)]
    public void A_server_elsewhere_has_to_prove_who_it_is_unless_it_is_said_otherwise(string text, SslMode mode)
    {
        var parsed = SourceConnectionString.Parse(text);

        Assert.Equal(mode, parsed.SslMode);
        Assert.Equal(mode, SourceConnectionString.Parse(parsed.ConnectionString).SslMode);
    }

    [Theory]
    [InlineData(@"host=h password='it\'s \\ here' user=ann", @"it's \ here")]
    [InlineData("postgres://ann:%20%3A%2F%3F@h", " :/?")]
    public void Quoted_and_encoded_values_are_read(string text, string password)
    {
        var parsed = SourceConnectionString.Parse(text);

        Assert.Equal(password, parsed.Password);
        Assert.Equal("ann", parsed.Username);
    }

    [Theory]
    [InlineData("postgres://h/app?no_such=1", "no_such")]
    [InlineData("host=h no_such=1", "no_such")]
    [InlineData("postgres://one,two:5433/app", "several hosts")]
    [InlineData("host=h password='s3cret", "quoted")]
    [InlineData("nonsense", "=")]
    [InlineData("postgres://h/app?sslmode=sometimes&password=s3cret", "sometimes")]
    [InlineData("host=h port=s3cret", "port")]
    public void What_cannot_be_read_is_named_without_the_password(string text, string named)
    {
        var failure = Assert.Throws<BucketsException>(() => SourceConnectionString.Parse(text));

        Assert.Equal("TGB1109", failure.Code);
        Assert.Contains(named, failure.Message, StringComparison.OrdinalIgnoreCase);
        if (!text.Contains("port=", StringComparison.Ordinal))
            Assert.DoesNotContain("s3cret", failure.Message, StringComparison.Ordinal);
    }
}

using Npgsql;
using TopGun.Buckets.Host;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

public class SourceAddressTests
{
    [Theory]
    [InlineData("postgres://ann:p%40ss@db.example:6543/app")]
    [InlineData("postgresql://ann:p%40ss@db.example:6543/app")]
    [InlineData("host=db.example port=6543 dbname=app user=ann password=p@ss")]
    [InlineData("host = db.example  port='6543' dbname=app user=ann password='p@ss'")]
    [InlineData("Host=db.example;Port=6543;Database=app;Username=ann;Password=p@ss")]
    public void All_forms_name_the_same_source(string text)
    {
        var address = Parse(text);

        Assert.Equal("db.example", address.Host);
        Assert.Equal(6543, address.Port);
        Assert.Equal("app", address.Database);
        Assert.Equal("ann", address.Username);
        Assert.Equal("p@ss", address.Password);
    }

    [Fact]
    public void Uri_parameters_are_taken_over()
    {
        var address = Parse("postgres://ann@/app?host=%2Fvar%2Frun%2Fpostgresql&sslmode=verify-full&application_name=topgun");

        Assert.Equal("/var/run/postgresql", address.Host);
        Assert.Equal(SslMode.VerifyFull, address.SslMode);
        Assert.Equal("topgun", address.ApplicationName);
    }

    [Fact]
    public void A_quoted_keyword_may_hold_blanks_and_quotes() =>
        Assert.Equal(@"it's a \ secret", Parse(@"host=db dbname=app user=ann password='it\'s a \\ secret'").Password);

    [Theory]
    [InlineData("")]
    [InlineData("db.example")]
    [InlineData("postgres://db.example")]
    [InlineData("host=db dbname='app")]
    [InlineData("host=db dbname=app colour=blue")]
    public void Other_texts_are_refused(string text) => Assert.False(SourceAddress.TryParse(text, out _));

    [Fact]
    public void Its_text_holds_no_secret()
    {
        Assert.True(SourceAddress.TryParse("postgres://ann:hunter2@db:6543/app", out var address));

        Assert.Equal("db:6543/app", address.ToString());
    }

    private static NpgsqlConnectionStringBuilder Parse(string text)
    {
        Assert.True(SourceAddress.TryParse(text, out var address));
        return new NpgsqlConnectionStringBuilder(address.ConnectionString);
    }
}

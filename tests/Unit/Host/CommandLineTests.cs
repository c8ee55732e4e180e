using System.CommandLine;
using System.IdentityModel.Tokens.Jwt;
using Microsoft.IdentityModel.Tokens;
using TopGun.Buckets.Host;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

public class CommandLineTests
{
    [Fact]
    public async Task Help_names_every_command()
    {
        var run = await RunAsync("--help");

        Assert.Equal(0, run.ExitCode);
        Assert.All(["serve", "token", "validate", "explain", "schema", "doctor", "vectors", "verify", "compact"], command => Assert.Contains(command, run.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Help_of_serve_names_every_setting_with_its_variable_and_default()
    {
        var run = await RunAsync("serve", "--help");

        var help = string.Join(' ', run.Output.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));
        Assert.All(SettingList.All, setting =>
        {
            Assert.Contains(setting.Variable, help, StringComparison.Ordinal);
            Assert.Contains(setting.Flag ?? setting.Variable, help, StringComparison.Ordinal);
            Assert.Contains(setting.Default is null ? "" : $"[default: {setting.Default}]", help, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_flag_reaches_its_setting()
    {
        var run = await RunAsync("doctor", "--source", "host=db dbname=app", "--rules", "/no/such/rules.yaml", "--publication", "Has Blanks");

        Assert.Equal(ExitCode.Misused, run.ExitCode);
        Assert.Contains("'publication' (--publication) has the value 'Has Blanks'", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_development_token_is_a_valid_token()
    {
        byte[] secret = [.. Enumerable.Range(0, 32).Select(value => (byte)value)];
        var token = new DevelopmentToken
        {
            Secret = secret,
            KeyId = "dev",
            Subject = "ann",
            Audiences = ["app", "other"],
            Claims = new System.Text.Json.Nodes.JsonObject { ["role"] = "admin" },
        };

        var text = token.Sign(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(5));

        var handler = new JwtSecurityTokenHandler { MapInboundClaims = false };
        var claims = handler.ValidateToken(
            text,
            new TokenValidationParameters
            {
                IssuerSigningKey = new SymmetricSecurityKey(secret) { KeyId = "dev" },
                ValidateIssuer = false,
                ValidAudience = "other",
            },
            out var validated);
        Assert.Equal("ann", claims.FindFirst("sub")?.Value);
        Assert.Equal("admin", claims.FindFirst("role")?.Value);
        Assert.Equal(TimeSpan.FromMinutes(5), validated.ValidTo - ((JwtSecurityToken)validated).IssuedAt);
    }

    [Theory]
    [InlineData("2d")]
    [InlineData("0m")]
    [InlineData("ten minutes")]
    public async Task A_lifetime_that_no_service_accepts_is_refused(string lifetime)
    {
        var run = await RunAsync("token", "ann", "--audience", "app", "--lifetime", lifetime);

        Assert.Equal(ExitCode.Misused, run.ExitCode);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Validating_a_file_that_is_not_there_says_so()
    {
        var run = await RunAsync("validate", "/no/such/rules.yaml");

        Assert.Equal(ExitCode.Misused, run.ExitCode);
        Assert.Contains("TGB1003", run.Error, StringComparison.Ordinal);
        Assert.Contains("/no/such/rules.yaml", run.Error, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.Create().Parse(args)
            .InvokeAsync(new InvocationConfiguration { Output = output, Error = error }, TestContext.Current.CancellationToken);
        return (exitCode, output.ToString(), error.ToString());
    }
}

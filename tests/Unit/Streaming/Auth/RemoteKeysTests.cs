using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Streaming.Auth;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Auth;

public class RemoteKeysTests
{
    private readonly ManualTime _clock = new();
    private readonly CancellationToken _stop = TestContext.Current.CancellationToken;
    private Func<Task<byte[]>> _answer = () => Task.FromResult(Set("one"));
    private int _fetches;

    [Fact]
    public async Task A_set_is_fetched_once_and_served_from_then_on()
    {
        var keys = Keys();

        Assert.Equal(["one"], await IdsAsync(keys));
        Assert.Equal(["one"], await IdsAsync(keys));

        Assert.Equal(1, _fetches);
    }

    [Fact]
    public async Task An_old_set_is_served_while_it_is_refreshed()
    {
        var keys = Keys();
        await IdsAsync(keys);
        var answer = new TaskCompletionSource<byte[]>();
        _answer = () => answer.Task;

        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(["one"], await IdsAsync(keys));
        answer.SetResult(Set("two"));

        await UntilAsync(async () => (await IdsAsync(keys)).SequenceEqual(["two"]));
    }

    [Fact]
    public async Task A_set_that_cannot_be_refreshed_is_given_up_after_an_hour()
    {
        var keys = Keys();
        await IdsAsync(keys);
        _answer = () => throw new HttpRequestException("Away.");

        _clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(["one"], await IdsAsync(keys));
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty(await IdsAsync(keys));
    }

    [Fact]
    public async Task Nobody_waits_long_for_a_host_that_does_not_answer()
    {
        _answer = () => new TaskCompletionSource<byte[]>().Task;
        var keys = Keys();

        var find = keys.FindAsync(_stop).AsTask();
        Assert.False(find.IsCompleted);
        await UntilAsync(() => Task.FromResult(_fetches == 1));
        _clock.Advance(TimeSpan.FromSeconds(3));

        Assert.Empty(await find);
    }

    [Fact]
    public async Task Unknown_keys_cause_a_bounded_number_of_fetches()
    {
        var keys = Keys();
        await IdsAsync(keys);

        for (var round = 0; round < 100; round++)
            await AskAsync(keys);
        Assert.Equal(11, _fetches);
        _clock.Advance(TimeSpan.FromMinutes(1));
        for (var round = 0; round < 100; round++)
            await AskAsync(keys);
        Assert.Equal(12, _fetches);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("""{"keys":{}}""")]
    public async Task What_is_no_key_set_gives_no_keys(string body)
    {
        _answer = () => Task.FromResult(Encoding.UTF8.GetBytes(body));

        Assert.Empty(await IdsAsync(Keys()));
    }

    [Theory]
    [InlineData("""{"kty":"oct","kid":"s","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}""")]
    [InlineData("""{"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"}""")]
    [InlineData("""{"kty":"RSA","kid":"ops","key_ops":["encrypt"],"n":"AQAB","e":"AQAB"}""")]
    [InlineData("""{"kty":"RSA","kid":"short","n":"sXch","e":"AQAB"}""")]
    [InlineData("""{"kty":"EC","kid":"point","crv":"P-256","x":"AAAA","y":"AAAA"}""")]
    [InlineData("""{"kty":"EC","kid":"curve","crv":"secp256k1","x":"AAAA","y":"AAAA"}""")]
    [InlineData("""{"kty":7}""")]
    [InlineData("7")]
    public async Task A_key_that_must_not_be_used_is_left_out(string key)
    {
        var good = Encoding.UTF8.GetString(Set("one"));
        _answer = () => Task.FromResult(Encoding.UTF8.GetBytes(good.Replace("]", "," + key + "]", StringComparison.Ordinal)));

        Assert.Equal(["one"], await IdsAsync(Keys()));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.1.2.3")]
    [InlineData("172.31.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("169.254.169.254")]
    [InlineData("100.100.100.200")]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("::")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("fd00::1")]
    [InlineData("fe80::1")]
    public void Addresses_inside_are_not_public(string address) => Assert.False(AddressRules.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    public void Addresses_outside_are(string address) => Assert.True(AddressRules.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public async Task A_fetch_does_not_go_inside()
    {
        using var fetcher = new KeySetFetcher(new Uri("http://localhost:1/keys"), allowPrivate: false);

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => fetcher.FetchAsync(_stop));

        Assert.Contains("not at a public address", error.ToString(), StringComparison.Ordinal);
    }

    private static byte[] Set(string keyId)
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var point = key.ExportParameters(false).Q;
        return Encoding.UTF8.GetBytes(
            $$"""{"keys":[{"kty":"EC","crv":"P-256","kid":"{{keyId}}","x":"{{TestToken.Encode(point.X)}}","y":"{{TestToken.Encode(point.Y)}}"}]}""");
    }

    private RemoteKeys Keys() => new(
        _ =>
        {
            Interlocked.Increment(ref _fetches);
            return _answer();
        },
        _clock,
        NullLogger.Instance);

    private async Task<IEnumerable<string?>> IdsAsync(RemoteKeys keys) => (await keys.FindAsync(_stop)).Select(key => key.KeyId);

    private static async Task AskAsync(RemoteKeys keys)
    {
        keys.AskForUnknown();
        await keys.IdleAsync();
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!await condition())
            await Task.Delay(1, deadline.Token);
    }
}

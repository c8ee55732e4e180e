using System.Security.Cryptography;
using TopGun.Buckets.Client;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>The SQLite that these tests run on has no cipher: what matters then is that nothing is written in plain text.</summary>
public sealed class EncryptionTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Fact]
    public async Task A_key_is_refused_where_it_would_encrypt_nothing()
    {
        foreach (var key in (DatabaseKey[])[DatabaseKey.FromPassphrase("it's secret"), DatabaseKey.FromBytes(new byte[32])])
        {
            var failure = await Assert.ThrowsAsync<BucketsException>(() => BucketsClient.OpenAsync(
                Todos.Options(_folder) with { Key = _ => ValueTask.FromResult(key) }, ClientCalls.Now));

            Assert.Equal("TGB6004", failure.Code);
            Assert.DoesNotContain("secret", failure.ToString(), StringComparison.Ordinal);
            Assert.True(!File.Exists(_folder.Database) || new FileInfo(_folder.Database).Length == 0);
        }
    }

    [Fact]
    public async Task A_plain_file_is_not_opened_with_a_key_either()
    {
        await (await Todos.OpenAsync(_folder)).DisposeAsync();

        var failure = await Assert.ThrowsAsync<BucketsException>(() => BucketsClient.OpenAsync(
            Todos.Options(_folder) with { Key = _ => ValueTask.FromResult(DatabaseKey.FromPassphrase("x")) }, ClientCalls.Now));

        Assert.Equal("TGB6004", failure.Code);
    }

    [Fact]
    public async Task A_key_store_that_fails_is_what_opening_fails_with()
    {
        var failure = await Assert.ThrowsAsync<IOException>(() => BucketsClient.OpenAsync(
            Todos.Options(_folder) with { Key = _ => throw new IOException("the key store is locked") }, ClientCalls.Now));

        Assert.Equal("the key store is locked", failure.Message);
    }

    [Fact]
    public async Task A_file_that_only_its_key_can_open_says_so()
    {
        await File.WriteAllBytesAsync(_folder.Database, RandomNumberGenerator.GetBytes(8192), ClientCalls.Now);

        var failure = await Assert.ThrowsAsync<LocalStoreException>(() => Todos.OpenAsync(_folder));

        Assert.Contains("encrypted", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_of_another_length_is_refused() =>
        Assert.Contains("31", Assert.Throws<ArgumentException>(() => DatabaseKey.FromBytes(new byte[31])).Message, StringComparison.Ordinal);

    public void Dispose() => _folder.Dispose();
}

using System.CommandLine;
using TopGun.Buckets.Host;
using TopGun.Buckets.Tests.Unit.BucketLog;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

/// <summary>The commands for the store of a stopped service.</summary>
public sealed class StoreCommandTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_store_is_compacted_and_then_verified()
    {
        await FillAsync();

        var compact = await RunAsync("compact");
        var verify = await RunAsync("verify");

        Assert.True(compact.ExitCode == ExitCode.Done, compact.Error);
        Assert.Contains("2 buckets compacted, 80 operations are 4 now", compact.Output, StringComparison.Ordinal);
        Assert.Contains("2 buckets with 4 operations", verify.Output, StringComparison.Ordinal);
        Assert.Contains("everything agrees", verify.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, verify.ExitCode);
        await using var storage = await _folder.OpenAsync();
        await using var log = await LogFixture.OpenAsync(storage);
        Assert.Contains("text 40", (await log.StoredAsync("1#all[]"))[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flipped_bit_is_found_with_the_bucket_that_it_is_in()
    {
        await FillAsync();
        await RunAsync("compact"); // op files are not read when the store is opened
        var path = Directory.GetFiles(_folder.Path, "*.ops").Single();
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        bytes[bytes.AsSpan().IndexOf("text 40"u8)] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);

        var verify = await RunAsync("verify");

        Assert.Equal(ExitCode.Failed, verify.ExitCode);
        Assert.Matches(@"damaged  (1#all\[\]|1#list\[""l""\]): .*agree with its checksum", verify.Output);
        Assert.Contains("1 of them are damaged", verify.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("compact")]
    public async Task A_store_that_a_service_has_open_is_left_alone(string command)
    {
        await using var storage = await _folder.OpenAsync();

        var run = await RunAsync(command);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("TGB2002", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("compact")]
    public async Task A_folder_without_a_store_stays_empty(string command)
    {
        var run = await RunAsync(command);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("TGB2006", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    /// <summary>One row that changes forty times, in two buckets.</summary>
    private async Task FillAsync()
    {
        await using var storage = await _folder.OpenAsync();
        await using var log = await LogFixture.OpenFollowingAsync(storage);
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "a", "l", "text 1", null));
        for (var change = 2UL; change <= 40; change++)
            await log.CommitAsync(change, ScriptedTransaction.Update(LogFixture.Todos, "a", "l", $"text {change}", null));
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(string command)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.Create().Parse([command, "--store-path", _folder.Path])
            .InvokeAsync(new InvocationConfiguration { Output = output, Error = error }, TestContext.Current.CancellationToken);
        return (exitCode, output.ToString(), error.ToString());
    }
}

using System.Net;
using System.Text;
using TopGun.Buckets.Host;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.BucketLog;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

/// <summary>What the doctor says of the store.</summary>
public sealed class StoreFindingsTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_sound_store_is_fine()
    {
        await using (await FillAsync())
        {
        }

        var finding = Assert.Single(await FindAsync());

        Assert.Equal(("TGB1100", FindingSeverity.Ok), (finding.Code, finding.Severity));
        Assert.Contains("topgun verify", finding.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_store_is_nothing_to_tell_of() => Assert.Empty(await FindAsync());

    [Fact]
    public async Task A_store_that_the_service_gave_up_is_told_of_before_the_start_that_reads_everything_again()
    {
        await using (var storage = await FillAsync())
            await storage.WriteAsync(Batches.Write().Put(Buckets.BucketLog.RecordTable.Meta, "damaged", "\u0001"), TestContext.Current.CancellationToken);

        var finding = Assert.Single(await FindAsync());

        Assert.Equal(("TGB2003", FindingSeverity.Warning), (finding.Code, finding.Severity));
        Assert.Contains("reads everything from the source again at its next start", finding.Sentence, StringComparison.Ordinal);
        Assert.Contains("topgun restore", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_that_will_stop_the_service_is_an_error_with_the_file_and_the_way_out()
    {
        await using (await FillAsync())
        {
        }
        var log = Directory.GetFiles(_folder.Path, "*.log").Max()!;
        await using (var file = new FileStream(log, FileMode.Open))
        {
            file.Position = 100;
            file.WriteByte(0xFF);
        }

        var finding = Assert.Single(await FindAsync());

        Assert.Equal(("TGB2003", FindingSeverity.Error), (finding.Code, finding.Severity));
        Assert.Contains(log, finding.Sentence, StringComparison.Ordinal);
        Assert.Contains("Restore the store folder from a backup, or remove it", finding.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_has_the_store_is_asked_which_buckets_are_damaged()
    {
        await using var storage = await _folder.OpenAsync();
        var address = $"http://127.0.0.1:{FreePort.Next()}/";
        using var service = new HttpListener();
        service.Prefixes.Add(address);
        service.Start();
        var asked = AnswerAsync(
            service,
            """{"data":{"store":{"skipped_rows":{"rows":[]},"damaged_buckets":[{"name":"1#all[]","finding":"x.ops is damaged.","since":"2026-01-02T03:04:05Z"}]}}}""");

        var finding = Assert.Single(await FindAsync(("TOPGUN_LISTEN", address), ("TOPGUN_API_TOKEN", new string('t', 40))));

        Assert.Equal("/api/admin/v1/status", await asked);
        Assert.Equal(("TGB2003", FindingSeverity.Warning), (finding.Code, finding.Severity));
        Assert.Equal("1#all[] is refused to clients that need it from the store, since 2026-01-02 03:04:05Z. x.ops is damaged.", finding.Sentence);
        Assert.Contains("filled anew by itself", finding.Remedy, StringComparison.Ordinal);
    }

    private static async Task<string> AnswerAsync(HttpListener service, string answer)
    {
        var request = await service.GetContextAsync();
        await request.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(answer), TestContext.Current.CancellationToken);
        request.Response.Close();
        return request.Request.Url!.AbsolutePath;
    }

    private async Task<Buckets.BucketLog.IColdStorage> FillAsync()
    {
        var storage = await _folder.OpenAsync();
        await using var log = await LogFixture.OpenFollowingAsync(storage);
        for (var change = 1UL; change <= 5; change++)
            await log.CommitAsync(change, ScriptedTransaction.Insert(LogFixture.Todos, $"{change}", "l", "text", null));
        return storage;
    }

    private Task<IReadOnlyList<DoctorFinding>> FindAsync(params (string Name, string Value)[] settings)
    {
        var environment = settings.Append(("TOPGUN_STORE_PATH", _folder.Path)).ToDictionary(setting => setting.Item1, setting => setting.Item2);
        return StoreFindings.FindAsync(new SettingReader(_ => [], environment.GetValueOrDefault), TestContext.Current.CancellationToken);
    }
}

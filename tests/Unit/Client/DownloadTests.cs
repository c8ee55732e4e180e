using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Sync;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class DownloadTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();
    private BucketsClient? _client;

    [Fact]
    public async Task Rows_become_visible_with_the_complete_line()
    {
        var client = await ConnectAsync();
        var stream = await _service.NextStreamAsync();

        await stream.SendAsync(
            Lines.Checkpoint(2, null, ("b", 30, 3)),
            Lines.Data("b", Lines.Put(1, "todos", "t1", """{"id":"t1","title":"Milk"}""", 10), Lines.Put(2, "todos", "t2", """{"id":"t2","title":"Eggs"}""", 20)),
            Lines.Complete(2));
        await client.SyncedAsync();

        Assert.Equal("t1=Milk t2=Eggs", await Todos.RowsAsync(client));
        Assert.True(client.Status.Connected);
        Assert.Null(client.Status.DownloadError);
    }

    [Fact]
    public async Task Progress_is_told_in_operations_and_bytes_and_for_each_priority()
    {
        var client = await ConnectAsync();
        var stream = await _service.NextStreamAsync();
        var first = Lines.Data("first", Lines.Put(1, "todos", "t1", """{"id":"t1","title":"Milk"}""", 10));

        await stream.SendAsync(Lines.Checkpoint(2, null, ("first", 10, 1), ("second", 20, 3)), first);
        var download = (await client.UntilAsync(status => status.Download is { Downloaded: 1 })).Download!;

        Assert.Equal((1, 2, 0.5, first.Length), (download.Downloaded, download.Total, download.Fraction, download.Bytes));
        Assert.Equal(new DownloadProgress(1, 1) { Bytes = first.Length }, download.ForPriority(1));
        Assert.Equal(new DownloadProgress(0, 0), download.ForPriority(0));
        Assert.Equal((1, 2), (download.ForPriority(3).Downloaded, download.ForPriority(3).Total));

        await stream.SendAsync(
            Lines.Data("second", Lines.Put(2, "todos", "t2", """{"id":"t2","title":"Eggs"}""", 20)), Lines.Complete(2));
        await client.SyncedAsync();
        Assert.Null((await client.UntilAsync(status => status.Download is null)).Download);
    }

    private async Task<BucketsClient> ConnectAsync()
    {
        _client = await BucketsClient.OpenAsync(
            Todos.Options(_folder) with { Transport = _service }, TestContext.Current.CancellationToken);
        await _client.ConnectAsync(TestContext.Current.CancellationToken);
        return _client;
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }
}

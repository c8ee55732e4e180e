using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The published <c>@powersync/node</c> package, as npm installs it, is a client of this service.</summary>
public class InteropWithPowerSyncNode
{
    [Theory]
    [InlineData("http", "bson", "legacy")]
    [InlineData("http", "ndjson", "legacy")]
    [InlineData("http", "bson", "requests")]
    [InlineData("web-socket", "bson", "legacy")]
    [InlineData("web-socket", "bson", "requests")]
    public async Task The_unmodified_SDK_downloads_uploads_and_resumes(string connection, string encoding, string checkpoints)
    {
        InteropScript.SkipWithoutPackages();
        await using var demo = await DemoService.StartAsync();

        await InteropScript.RunAsync("interop.mjs", demo, new()
        {
            ["list"] = DemoService.SharedList,
            ["rows"] = await demo.Database.ReadAsync<long>(
                "SELECT count(*) FROM todos JOIN members USING (list_id) WHERE user_id = 'ann'"),
            ["connection"] = connection,
            ["encoding"] = encoding,
            ["checkpoints"] = checkpoints,
        });
    }

    [Theory]
    [InlineData("http", "bson")]
    [InlineData("http", "ndjson")]
    [InlineData("web-socket", "bson")]
    public async Task The_unmodified_SDK_subscribes_to_streams(string connection, string encoding)
    {
        InteropScript.SkipWithoutPackages();
        await using var demo = await DemoService.StartAsync(StreamRules.Text);

        await InteropScript.RunAsync("streams.mjs", demo, new()
        {
            ["shared"] = DemoService.SharedList,
            ["own"] = DemoService.AnnsList,
            ["foreign"] = DemoService.BobsList,
            ["connection"] = connection,
            ["encoding"] = encoding,
        });
    }
}

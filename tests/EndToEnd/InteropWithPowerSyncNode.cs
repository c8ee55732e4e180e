using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The published <c>@powersync/node</c> package, as npm installs it, is a client of this service.</summary>
public class InteropWithPowerSyncNode
{
    [Fact]
    public async Task The_unmodified_SDK_downloads_uploads_and_resumes()
    {
        InteropScript.SkipWithoutPackages();
        await using var demo = await DemoService.StartAsync();

        await InteropScript.RunAsync("interop.mjs", demo, new()
        {
            ["list"] = DemoService.SharedList,
            ["rows"] = await demo.Database.ReadAsync<long>(
                "SELECT count(*) FROM todos JOIN members USING (list_id) WHERE user_id = 'ann'"),
        });
    }

    [Fact]
    public async Task The_unmodified_SDK_subscribes_to_streams()
    {
        InteropScript.SkipWithoutPackages();
        await using var demo = await DemoService.StartAsync(StreamRules.Text);

        await InteropScript.RunAsync("streams.mjs", demo, new()
        {
            ["shared"] = DemoService.SharedList,
            ["own"] = DemoService.AnnsList,
            ["foreign"] = DemoService.BobsList,
        });
    }
}

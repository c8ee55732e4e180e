using System.Text.Json;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>
/// Sessions of the PowerSync protocol, played to the client. What each has to show is what the published SDKs' own core shows after the same lines; the files
/// that begin with <c>sdk-</c> were recorded between a service and an SDK.
/// </summary>
public sealed class SessionReplayTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Client/Sessions");

    private static readonly LocalSchema Schema = new(
        new LocalTable("lists", LocalColumn.Text("owner_id"), LocalColumn.Text("name"), LocalColumn.Text("created_at")),
        new LocalTable("members", LocalColumn.Text("list_id"), LocalColumn.Text("user_id")),
        new LocalTable(
            "todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"), LocalColumn.Integer("done"), LocalColumn.Text("created_by"), LocalColumn.Text("created_at")));

    public static TheoryData<string> Sessions => [.. Directory.GetFiles(Folder, "*.session").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Sessions))]
    public void The_client_shows_what_the_device_of_the_session_showed(string name)
    {
        var session = RecordedSession.Parse(File.ReadAllText(Path.Combine(Folder, $"{name}.session")));
        VirtualRun.Run(time => ReplayAsync(name, session, time));
    }

    private static async Task ReplayAsync(string name, RecordedSession session, ManualTime time)
    {
        using var folder = new ScratchFolder();
        var service = new ScriptedService();
        await using var client = await BucketsClient.OpenAsync(
            Todos.Options(folder, Schema) with
            {
                Transport = service,
                TimeProvider = time,
                NewExecution = () => new InlineExecution(),
                OtherProcessesPoll = Timeout.InfiniteTimeSpan,
            },
            ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var compared = 0;
        foreach (var steps in session.Connections)
        {
            var stream = await service.NextStreamAsync();
            foreach (var step in steps)
            {
                if (step.Line is { } line)
                    await stream.SendAsync(line);
                if (step.Shown is not { } table)
                    continue;
                await Task.Delay(TimeSpan.FromMilliseconds(500), time, ClientCalls.Now); // whatever came is taken in by now
                var shown = Assert.Single(await client.TextsAsync(table.Query));
                Assert.True(
                    JsonElement.DeepEquals(JsonElement.Parse(table.Rows), JsonElement.Parse(shown)),
                    $"{name}, {table.Name}:\n  {table.Rows} is to be shown, and there is\n  {shown}\n  {client.Status}");
                compared++;
            }
            await stream.EndAsync();
        }
        Assert.True(compared > 0, "The session compares nothing.");
    }
}

using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// The same lines to the published SDKs and to our client: both show the same. Sessions are hand-made, and played to the core of the SDKs; or the SDK's own with this
/// service, listened to and played to our client.
/// </summary>
public class SessionsAreReplayed
{
    [Fact]
    public async Task The_sessions_show_in_the_core_of_the_SDKs_what_they_say()
    {
        InteropScript.SkipWithoutPackages();
        var expected = new Dictionary<string, string>();
        var conversations = new List<object>();
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "sessions"), "*.session").Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(file).StartsWith("sdk-", StringComparison.Ordinal))
                continue; // shown by the SDK itself
            var lines = new List<Dictionary<string, object>>();
            foreach (var steps in RecordedSession.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).Connections)
            {
                if (lines.Count > 0)
                    lines.Add(new() { ["reconnect"] = true });
                foreach (var step in steps)
                {
                    if (step.Line is { } line)
                        lines.Add(new() { ["text"] = line });
                    if (step.Shown is not { } shown)
                        continue;
                    // A conversation tells what it comes to in the end, so there is one for each place where something is shown.
                    var name = $"{Path.GetFileNameWithoutExtension(file)} {expected.Count}";
                    Assert.Equal(("todos", "id,title,done"), (shown.Name, shown.Columns));
                    expected.Add(name, shown.Rows);
                    conversations.Add(new { name, streams = Array.Empty<object>(), lines = lines.ToArray() });
                }
            }
        }
        Assert.True(expected.Count > 10);

        var played = await PlayAsync(conversations);

        foreach (var (name, rows) in expected)
        {
            var outcome = played.GetProperty(name);
            Assert.True(
                outcome.TryGetProperty("todos", out var todos) && JsonElement.DeepEquals(todos, JsonElement.Parse(rows)),
                $"{name}:\n  {rows} is to be shown, and there is\n  {outcome}");
        }
    }

    [Fact]
    public async Task What_the_service_says_to_the_SDK_shows_the_same_in_our_client()
    {
        InteropScript.SkipWithoutPackages();
        var folder = Directory.CreateTempSubdirectory("topgun-session-").FullName;
        try
        {
            var file = Path.Combine(folder, "sdk.session");
            await using (var demo = await DemoService.StartAsync())
                await InteropScript.RunAsync("record.mjs", demo, new() { ["list"] = DemoService.SharedList, ["encoding"] = "ndjson", ["record"] = file });
            var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            var session = RecordedSession.Parse(text);
            Assert.True(session.Connections.Count > 1, text);

            var replay = new Replay(session);
            await using var client = await BucketsClient.OpenAsync(
                new BucketsClientOptions
                {
                    DatabasePath = Path.Combine(folder, "device.db"),
                    Schema = new LocalSchema(
                        new LocalTable("lists", LocalColumn.Text("owner_id"), LocalColumn.Text("name"), LocalColumn.Text("created_at")),
                        new LocalTable("members", LocalColumn.Text("list_id"), LocalColumn.Text("user_id")),
                        new LocalTable(
                            "todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"), LocalColumn.Integer("done"), LocalColumn.Text("created_by"),
                            LocalColumn.Text("created_at"))),
                    Credentials = CredentialsFrom.Token("recorded"),
                    Transport = replay,
                },
                TestContext.Current.CancellationToken);
            await client.ConnectAsync(TestContext.Current.CancellationToken);
            await replay.Over.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

            var tables = session.Connections[^1].Where(step => step.Shown is not null).Select(step => step.Shown!).ToList();
            Assert.Equal(["lists", "members", "todos"], tables.Select(table => table.Name));
            foreach (var table in tables)
            {
                var shown = Assert.Single(await client.QueryAsync<string>(table.Query, cancellationToken: TestContext.Current.CancellationToken));
                Assert.True(JsonElement.DeepEquals(JsonElement.Parse(table.Rows), JsonElement.Parse(shown)), $"The SDK shows\n{table.Rows}\nand our client\n{shown}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<JsonElement> PlayAsync(List<object> conversations)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(conversations), TestContext.Current.CancellationToken);
            var output = await InteropScript.RunAsync("golden.mjs", new Dictionary<string, object> { ["file"] = file });
            return JsonElement.Parse(output.Split('\n').Single(line => line.StartsWith('{')));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A service that says on each connection what was said on it before.</summary>
    private sealed class Replay(RecordedSession session) : ISyncTransport
    {
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _next;

        /// <summary>Completes when the client has taken in the last connection and opens another.</summary>
        public Task Over => _over.Task;

        public async Task<PipeReader> OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
        {
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
            if (_next == session.Connections.Count)
            {
                _over.TrySetResult();
                return pipe.Reader;
            }
            foreach (var step in session.Connections[_next++])
            {
                if (step.Line is { } line)
                    await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), cancellationToken);
            }
            await pipe.Writer.CompleteAsync();
            return pipe.Reader;
        }

        public Task<ulong> RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken) =>
            throw new NotSupportedException("Nothing is written here.");
    }
}

using System.Text.Json.Nodes;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// A device subscribes and lets go at random, while rows and memberships change and connections end: whenever all is quiet, it holds what the
/// source says of the lists that it wants, and nothing else.
/// </summary>
public sealed class StreamsAtRandom : IDisposable
{
    private const int Rounds = 8;
    private const int StepsInRound = 12;
    private static readonly string[] Lists = [DemoService.SharedList, DemoService.AnnsList, DemoService.BobsList];

    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-streams-").FullName;
    private readonly List<(string List, StreamSubscription Handle)> _handles = [];
    private readonly HashSet<string> _kept = []; // lists whose newest subscription lives for ever

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task What_is_shown_is_what_is_wanted(int seed)
    {
        var random = new Random(seed);
        await using var demo = await DemoService.StartAsync(StreamRules.Text);
        var client = await OpenAsync(demo);
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                for (var step = 0; step < StepsInRound; step++)
                    await StepAsync(demo, client, random);
                if (random.Next(3) == 0)
                    client = await StartAgainAsync(demo, client);
                await UntilEqualAsync(demo, client, $"seed {seed}, round {round}");
            }
        }
        finally
        {
            await client.DisposeAsync();
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    private async Task StepAsync(DemoService demo, BucketsClient client, Random random)
    {
        var list = Lists[random.Next(Lists.Length)];
        switch (random.Next(10))
        {
            case < 3:
                await SubscribeAsync(client, list, random);
                break;
            case < 6 when _handles.Count > 0:
                var index = random.Next(_handles.Count);
                await _handles[index].Handle.DisposeAsync();
                _handles.RemoveAt(index);
                break;
            case 6:
                await client.SyncStream("todos", List(list)).UnsubscribeAllAsync(Now);
                _kept.Remove(list);
                _handles.RemoveAll(handle => handle.List == list); // what is left of them holds nothing any more
                break;
            case 7:
                await client.DisconnectAsync(Now);
                await client.ConnectAsync(Now);
                break;
            case 8:
                await demo.Database.ExecuteAsync(
                    $"WITH gone AS (DELETE FROM members WHERE list_id = '{list}' AND user_id = 'ann' RETURNING id) "
                    + $"INSERT INTO members (id, list_id, user_id) SELECT gen_random_uuid(), '{list}', 'ann' WHERE NOT EXISTS (SELECT 1 FROM gone) AND NOT EXISTS "
                    + $"(SELECT 1 FROM members WHERE list_id = '{list}' AND user_id = 'ann')");
                break;
            default:
                await demo.Database.ExecuteAsync(
                    $"DELETE FROM todos WHERE id IN (SELECT id FROM todos WHERE list_id = '{list}' ORDER BY id LIMIT {random.Next(2)});"
                    + $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{list}', 'title {random.Next()}', 'bob')");
                break;
        }
    }

    private async Task SubscribeAsync(BucketsClient client, string list, Random random)
    {
        var forEver = random.Next(3) == 0;
        int? priority = random.Next(2) == 0 ? null : random.Next(4);
        var handle = await client.SyncStream("todos", List(list)).SubscribeAsync(forEver ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, priority, Now);
        _handles.Add((list, handle));
        if (forEver)
            _kept.Add(list);
        else
            _kept.Remove(list);
    }

    /// <summary>An app that starts again holds no handle.</summary>
    private async Task<BucketsClient> StartAgainAsync(DemoService demo, BucketsClient client)
    {
        await client.DisposeAsync();
        _handles.Clear();
        return await OpenAsync(demo);
    }

    private async Task UntilEqualAsync(DemoService demo, BucketsClient client, string where)
    {
        var wanted = _kept.Concat(_handles.Select(handle => handle.List)).Distinct().ToList();
        var expected = await demo.Database.ReadAsync<string>(
            $"SELECT coalesce(string_agg(list_id || '/' || title, ' ' ORDER BY todos.id), '') FROM todos JOIN members USING (list_id) "
            + $"WHERE user_id = 'ann' AND list_id::text = ANY (ARRAY[{string.Join(',', wanted.Select(list => $"'{list}'"))}]::text[])");
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Now);
        late.CancelAfter(Patience.Limit);
        var shown = "";
        try
        {
            await foreach (var rows in client.Watch<string>("SELECT list_id || '/' || title FROM todos ORDER BY id", cancellationToken: late.Token))
            {
                shown = string.Join(' ', rows);
                if (shown == expected)
                    return;
            }
        }
        catch (OperationCanceledException) when (!Now.IsCancellationRequested)
        {
            Assert.Fail($"{where}: expected [{expected}], is [{shown}]\n{client.Status}\n{string.Join('\n', client.Status.Streams)}\n{demo.Process.Log}");
        }
    }

    private static JsonObject List(string id) => new() { ["list"] = id };

    private async Task<BucketsClient> OpenAsync(DemoService demo)
    {
        var client = await BucketsClient.OpenAsync(
            new BucketsClientOptions
            {
                DatabasePath = Path.Combine(_folder, "device.db"),
                Schema = new LocalSchema(new LocalTable("todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"))),
                Endpoint = demo.Process.Url,
                Credentials = CredentialsFrom.Token(new TestToken { Subject = "ann" }.ToString()),
            },
            Now);
        await client.ConnectAsync(Now);
        return client;
    }
}

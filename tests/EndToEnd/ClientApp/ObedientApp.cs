using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Tests.EndToEnd.ClientApp;

/// <summary>
/// An app in the hands of a driver, which listens at a Unix socket. A line is a request, and each is answered by a line:
/// <code>
/// {"do":"execute","statements":[{"sql":string,"parameters":[value, …]}, …]}   one local transaction   → {"changed":number}
/// {"do":"query","sql":string}                                                 one text column         → {"rows":[string, …]}
/// {"do":"status"}                                                             → {"state":string,"pending":number,"blocked":string,"error":string}
/// {"do":"connect"}, {"do":"disconnect"}                                       → {}
/// {"do":"stop"}                                                               → {}, and the app ends
/// </code>
/// What fails is answered with <c>{"failed":string}</c>.
/// </summary>
internal static class ObedientApp
{
    private static readonly LocalSchema Schema = new(
        new LocalTable("heads", LocalColumn.Integer("seq"), LocalColumn.Text("seen")),
        new LocalTable("twins", LocalColumn.Integer("seq")),
        new LocalTable("sheet", LocalColumn.Integer("value")),
        new LocalTable("members", LocalColumn.Text("room"), LocalColumn.Text("user_id")),
        new LocalTable("items", LocalColumn.Text("room"), LocalColumn.Text("text"), LocalColumn.Integer("n")));

    public static async Task RunAsync(string database, Uri service, Uri backend, string user, string socket)
    {
        using var http = new HttpClient();
        await using var client = await BucketsClient.OpenAsync(new BucketsClientOptions
        {
            DatabasePath = database,
            Schema = Schema,
            Endpoint = service,
            Credentials = new CredentialsFrom(async (_, cancellation) => new SyncCredentials(await TokenAsync(cancellation))),
            Upload = new HttpUploadHandler(http, new Uri(backend, "/upload"), async cancellation => await TokenAsync(cancellation)),
            UploadThrottle = TimeSpan.FromMilliseconds(5),
        });
        await client.ConnectAsync();

        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket));
        await using var stream = new NetworkStream(connection);
        using var requests = new StreamReader(stream);
        await using var answers = new StreamWriter(stream) { AutoFlush = true };
        while (await requests.ReadLineAsync() is { } line)
        {
            var request = JsonNode.Parse(line)!;
            await answers.WriteLineAsync((await AnswerAsync(client, request)).ToJsonString());
            if ((string?)request["do"] == "stop")
                return;
        }

        Task<string> TokenAsync(CancellationToken cancellation) =>
            http.GetStringAsync(new Uri(backend, $"/token?user={Uri.EscapeDataString(user)}"), cancellation);
    }

    private static async Task<JsonObject> AnswerAsync(BucketsClient client, JsonNode request)
    {
        try
        {
            switch ((string?)request["do"])
            {
                case "execute":
                    var changed = await client.WriteTransactionAsync(async transaction =>
                    {
                        var rows = 0;
                        foreach (var statement in request["statements"]!.AsArray())
                            rows += await transaction.ExecuteAsync((string)statement!["sql"]!, [.. statement["parameters"]!.AsArray().Select(Value)]);
                        return rows;
                    });
                    return new JsonObject { ["changed"] = changed };
                case "query":
                    return new JsonObject { ["rows"] = new JsonArray([.. (await client.QueryAsync<string>((string)request["sql"]!)).Select(row => (JsonNode)row)]) };
                case "status":
                    var status = client.Status;
                    return new JsonObject
                    {
                        ["state"] = status.State.ToString(),
                        ["pending"] = status.PendingUploads,
                        ["blocked"] = status.BlockedBy.ToString(),
                        ["error"] = (status.DownloadError ?? status.UploadError)?.Message,
                    };
                case "connect":
                    await client.ConnectAsync();
                    break;
                case "disconnect":
                    await client.DisconnectAsync();
                    break;
            }
            return [];
        }
        catch (LocalStoreException failure)
        {
            return new JsonObject { ["failed"] = failure.Message };
        }
    }

    private static object? Value(JsonNode? value) => value?.GetValueKind() switch
    {
        null => null,
        JsonValueKind.Number => (long)value,
        _ => (string?)value,
    };
}

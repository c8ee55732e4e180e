// A web app that answers from a local replica: no query of a reader reaches Postgres, and the app answers while Postgres is away.
//
// REPLICA_SERVICE   address of the sync service (default http://127.0.0.1:8080)
// REPLICA_TOKEN     a token of a user who gets the rows, for example of `topgun token replica`
// REPLICA_FOLDER    where the replica is kept (default: the current folder)
using TopGun.Buckets.Client;
using TopGun.Buckets.Samples.ReadReplica;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ReplicaJson.Default));
builder.Services.AddTopGunBuckets(services =>
{
    var settings = services.GetRequiredService<IConfiguration>();
    return new BucketsClientOptions
    {
        DatabasePath = Path.Combine(settings["REPLICA_FOLDER"] ?? ".", "replica.db"),
        Schema = new LocalSchema(TodoItem.Table),
        Endpoint = new Uri(settings["REPLICA_SERVICE"] ?? "http://127.0.0.1:8080"),
        Credentials = CredentialsFrom.Token(
            settings["REPLICA_TOKEN"] ?? throw new InvalidOperationException("The environment variable REPLICA_TOKEN is not set.")),
    };
});
var app = builder.Build();

// Ready once everything was in step: before that, a missing row means nothing.
app.MapGet("/ready", (BucketsClient client) => client.Status.HasSynced ? Results.Ok() : Results.StatusCode(StatusCodes.Status503ServiceUnavailable));

app.MapGet("/lists/{list}/todos", async (string list, BucketsClient client, CancellationToken cancellationToken) =>
    Results.Ok(await client.Table<TodoItem>().QueryAsync("WHERE list_id = ? ORDER BY title", [list], cancellationToken)));

app.MapGet("/todos/{id}", async (string id, BucketsClient client, CancellationToken cancellationToken) =>
    await client.Table<TodoItem>().FindAsync(id, cancellationToken) is { } todo ? Results.Ok(todo) : Results.NotFound());

// A caller that has just written through another API, and wants to read it here, waits for it.
app.MapPost("/catch-up", async (BucketsClient client, CancellationToken cancellationToken) =>
{
    await client.WaitForCheckpointAsync(cancellationToken);
    return Results.Ok();
});

await app.RunAsync();

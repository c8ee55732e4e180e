// The part of an app that TopGun.Buckets leaves to its developer: who a user is, and what a user may write.
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Npgsql;
using TopGun.Buckets.Backend;
using TopGun.Buckets.DemoBackend;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Configuration.AddEnvironmentVariables();
builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = 16 << 20);
var settings = DemoSettings.Read(builder.Configuration);
builder.WebHost.UseUrls(settings.Listen);

await using var database = NpgsqlDataSource.Create(settings.Database);
var tokens = new DemoTokens(settings);
var uploads = new PostgresUploads(database, DemoTables.All);
await DatabaseStart.WaitAsync(() => uploads.PrepareAsync(), TimeProvider.System);

var app = builder.Build();
app.MapGet("/health", () => Results.Text("ok"));

// A real app asks for a password here.
app.MapGet("/dev-token", (string user) => Results.Json(new { token = tokens.Mint(user), endpoint = settings.SyncUrl }));

app.MapTopGunUploads("/upload", uploads, http => tokens.FindUser(http.Request.Headers.Authorization));

await app.RunAsync();

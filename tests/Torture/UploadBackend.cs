using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;
using TopGun.Buckets.Backend;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>The app's backend: takes uploads through the product's backend package, and signs tokens.</summary>
internal sealed class UploadBackend : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly NpgsqlDataSource _database;
    private readonly ConcurrentDictionary<string, string> _users = new(StringComparer.Ordinal);

    private UploadBackend(WebApplication app, NpgsqlDataSource database, Uri url)
    {
        _app = app;
        _database = database;
        Url = url;
    }

    public Uri Url { get; }

    /// <summary>How long tokens are good that are fetched from now on.</summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromHours(1);

    public static async Task<UploadBackend> StartAsync(string connectionString)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var url = new Uri(FormattableString.Invariant($"http://127.0.0.1:{FreePort.Next()}"));
        builder.WebHost.UseUrls(url.ToString());
        var database = NpgsqlDataSource.Create(connectionString);
        var uploads = new PostgresUploads(database, TortureApp.Uploads);
        await uploads.PrepareAsync();
        var app = builder.Build();
        var backend = new UploadBackend(app, database, url);
        app.MapGet("/token", (HttpContext http) => backend.Sign(http.Request.Query["user"].ToString()));
        app.MapTopGunUploads("/upload", uploads, http => backend.UserOf(http.Request.Headers.Authorization.ToString()));
        await app.StartAsync();
        return backend;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _database.DisposeAsync();
    }

    private string Sign(string user)
    {
        var token = new TestToken { Subject = user, Lifetime = TokenLifetime }.ToString();
        _users[token] = user;
        return token;
    }

    private string? UserOf(string authorization) =>
        authorization.Split(' ') is ["Bearer", var token] ? _users.GetValueOrDefault(token) : null;
}

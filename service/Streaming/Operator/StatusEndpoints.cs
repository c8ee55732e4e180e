using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>The operator's look at the service: how it does, who is connected, and what the buckets hold.</summary>
internal sealed class StatusEndpoints(
    IServiceReporter reporter, IServiceProbe probe, BucketGrid grid, OpenSessions sessions, IOptions<OperatorOptions> options)
{
    /// <summary>Method, path and handler of each.</summary>
    public IEnumerable<(string Method, string Path, Func<HttpContext, Task> Handle)> All =>
    [
        ("GET", "/api/admin/v1/status", StatusAsync),
        ("GET", "/api/admin/v1/sessions", SessionsAsync),
        ("GET", "/api/admin/v1/buckets", BucketsAsync),
    ];

    private Task StatusAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var service = reporter.Report();
        return OperatorAnswer.WriteAsync(http, new StatusAnswer(
            service.Version,
            service.Role,
            service.StartedAt,
            probe.IsReady,
            grid.VisibleOpId,
            service.Replication,
            service.Store,
            new GridAnswer(grid.HotBytes, grid.MemoryLimitBytes, grid.PendingBytes, grid.HotBuckets, grid.Subscriptions, grid.ColdLoads, grid.Evictions),
            new SessionCounts(sessions.Count),
            service.LastErrors));
    }

    private Task SessionsAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var (limit, after) = (OperatorQuery.Limit(http), OperatorQuery.Number(http, "after", 0, 0, long.MaxValue));
        var (subject, clientId) = (OperatorQuery.Text(http, "sub"), OperatorQuery.Text(http, "client_id"));
        var page = sessions.List(after, limit, session =>
            (subject is null || session.User.Subject == subject) && (clientId is null || session.ClientId == clientId));
        return OperatorAnswer.WriteAsync(http, new SessionsAnswer(
            [.. page.Select(Describe)], page.Count == limit ? page[^1].Number : null));
    }

    private Task BucketsAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var (limit, after) = (OperatorQuery.Limit(http), (int)OperatorQuery.Number(http, "after", 0, 0, int.MaxValue));
        var part = OperatorQuery.Text(http, "name");
        var page = reporter.Buckets(after, limit, name => part is null || name.Contains(part, StringComparison.Ordinal));
        return OperatorAnswer.WriteAsync(http, new BucketsAnswer(page, page.Count == limit ? page[^1].Number : null));
    }

    private static SessionAnswer Describe(OpenSession open) => new(
        open.Number,
        open.User.Subject,
        open.User.TokenId,
        open.ClientId,
        open.Caller.Address?.ToString(),
        open.Caller.Transport,
        open.Caller.UserAgent,
        open.Since,
        open.User.ExpiresAt,
        open.Session.BucketCount,
        open.Session.OpsSent,
        open.Session.HasAnnounced ? open.Session.Announced : null,
        open.Session.IsIdle);

    private sealed record StatusAnswer(
        string Version,
        string Role,
        DateTimeOffset StartedAt,
        bool Ready,
        OpId? Checkpoint,
        ReplicationReport Replication,
        StoreStatusReport Store,
        GridAnswer Grid,
        SessionCounts Sessions,
        IReadOnlyList<ErrorReport> LastErrors);

    private sealed record GridAnswer(long HotBytes, long LimitBytes, long PendingBytes, int HotBuckets, int Subscriptions, long Loads, long Evictions);

    private sealed record SessionCounts(int Open);

    private sealed record SessionsAnswer(IReadOnlyList<SessionAnswer> Sessions, long? Next);

    private sealed record SessionAnswer(
        long Number,
        string Sub,
        string? Jti,
        string? ClientId,
        string? Address,
        string Transport,
        string? UserAgent,
        DateTimeOffset Since,
        DateTimeOffset ExpiresAt,
        int Buckets,
        long OpsSent,
        OpId? Checkpoint,
        bool Idle);

    private sealed record BucketsAnswer(IReadOnlyList<BucketReport> Buckets, int? Next);
}

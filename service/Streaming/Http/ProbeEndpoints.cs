using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace TopGun.Buckets.Streaming.Http;

/// <summary><c>GET /probes/startup</c>, <c>/liveness</c> and <c>/readiness</c>: 200 or 400, for whoever runs the process.</summary>
internal sealed class ProbeEndpoints(IServiceProbe probe, TimeProvider clock)
{
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(10);

    public Task HandleStartupAsync(HttpContext http) => AnswerAsync(http, probe.IsStarted);

    public Task HandleReadinessAsync(HttpContext http) => AnswerAsync(http, probe.IsReady);

    public Task HandleLivenessAsync(HttpContext http) => AnswerAsync(http, clock.GetUtcNow() - probe.TouchedAt <= MaxSilence);

    private Task AnswerAsync(HttpContext http, bool isGood)
    {
        http.Response.StatusCode = isGood ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest;
        http.Response.ContentType = "application/json";
        var touchedAt = probe.TouchedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var (started, ready) = (Literal(probe.IsStarted), Literal(probe.IsReady));
        return http.Response.WriteAsync(
            $$"""{"started":{{started}},"ready":{{ready}},"touched_at":"{{touchedAt}}"}""", http.RequestAborted);
    }

    private static string Literal(bool value) => value ? "true" : "false";
}

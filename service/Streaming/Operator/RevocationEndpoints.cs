using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>The operator takes tokens back before they expire: one by its <c>jti</c>, or all of a user by <c>sub</c>.</summary>
internal sealed class RevocationEndpoints(Revocations revocations, IOptions<OperatorOptions> options)
{
    private const long MaxBytes = 64 << 10;

    /// <summary>Method, path and handler of each.</summary>
    public IEnumerable<(string Method, string Path, Func<HttpContext, Task> Handle)> All =>
    [
        ("GET", "/api/admin/v1/revocations", ListAsync),
        ("POST", "/api/admin/v1/revocations", AddAsync),
        ("DELETE", "/api/admin/v1/revocations", RemoveAsync),
    ];

    private Task ListAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        return OperatorAnswer.WriteAsync(http, new ListAnswer([.. revocations.List().Select(Describe)]));
    }

    private async Task AddAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        using var body = SyncRequestParser.Document(await RequestBody.ReadAsync(http, MaxBytes));
        var (tokenId, subject) = (OperatorQuery.Text(body.RootElement, "jti"), OperatorQuery.Text(body.RootElement, "sub"));
        CheckOne(tokenId, subject);
        var issuedBefore = OperatorQuery.Time(body.RootElement, "issued_before");
        if (issuedBefore is not null && subject is null)
            throw OperatorQuery.Invalid("issued_before goes with sub");
        var until = OperatorQuery.Time(body.RootElement, "until");
        await OperatorAnswer.WriteAsync(http, Describe(await StoredAsync(() =>
            revocations.AddAsync(tokenId, subject, issuedBefore, until, http.RequestAborted))));
    }

    private async Task RemoveAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var (tokenId, subject) = (OperatorQuery.Text(http, "jti"), OperatorQuery.Text(http, "sub"));
        CheckOne(tokenId, subject);
        if (!await StoredAsync(() => revocations.RemoveAsync(tokenId, subject, http.RequestAborted)))
            throw new SyncException(404, "PSYNC_S2002", "NotFound", "There is no such revocation.");
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task<T> StoredAsync<T>(Func<ValueTask<T>> change)
    {
        try
        {
            return await change();
        }
        catch (BucketsException failure) when (failure is not SyncException)
        {
            throw new SyncException(
                503, "PSYNC_S2003", "ServiceUnavailable",
                "It counts from now on, but the store did not take it, so a restart would undo it. Send it again.", failure.Message, failure);
        }
    }

    private static void CheckOne(string? tokenId, string? subject)
    {
        if (tokenId is null == subject is null)
            throw OperatorQuery.Invalid("either jti or sub must be given");
    }

    private static RevocationAnswer Describe(Revocation revocation) => new(
        revocation.TokenId, revocation.Subject, revocation.IssuedBefore, revocation.Since, revocation.Until);

    private sealed record ListAnswer(IReadOnlyList<RevocationAnswer> Revocations);

    private sealed record RevocationAnswer(string? Jti, string? Sub, DateTimeOffset? IssuedBefore, DateTimeOffset Since, DateTimeOffset Until);
}

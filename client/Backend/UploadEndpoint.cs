using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Backend;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Adds the endpoint that devices upload to.</summary>
public static partial class TopGunUploadEndpoint
{
    /// <summary>Takes uploads of the client's <c>HttpUploadHandler</c>.</summary>
    /// <param name="routes">The app.</param>
    /// <param name="pattern">Path, for example <c>/upload</c>.</param>
    /// <param name="receiver">Applies them; the registered <see cref="IUploadReceiver"/> when absent.</param>
    /// <param name="user">
    /// Names the signed-in user; null answers 401. By default the claim <c>sub</c>, or the name identifier, of an authenticated user.
    /// </param>
    /// <returns>The endpoint, for example to call <c>RequireAuthorization</c> on.</returns>
    public static IEndpointConventionBuilder MapTopGunUploads(
        this IEndpointRouteBuilder routes, string pattern, IUploadReceiver? receiver = null, Func<HttpContext, string?>? user = null) =>
        routes.MapMethods(pattern, ["POST"], (RequestDelegate)(http => HandleAsync(http, receiver, user ?? SignedIn)));

    private static async Task HandleAsync(HttpContext http, IUploadReceiver? receiver, Func<HttpContext, string?> user)
    {
        if (user(http) is not { Length: > 0 } userId)
        {
            await RefuseAsync(http, StatusCodes.Status401Unauthorized, "TGB7001", "Nobody is signed in. Send a token that names a user.");
            return;
        }
        IReadOnlyList<UploadedTransaction> transactions;
        try
        {
            using var request = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
            transactions = UploadJson.Read(request.RootElement.Clone(), userId);
        }
        catch (Exception malformed) when (malformed is JsonException or FormatException)
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, "TGB7002", $"The upload cannot be read: {malformed.Message}.");
            return;
        }
        var verdicts = await ApplyAsync(http, receiver ?? http.RequestServices.GetRequiredService<IUploadReceiver>(), transactions);
        http.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(http.Response.BodyWriter);
        UploadJson.Write(writer, transactions.Zip(verdicts));
    }

    private static async Task<List<UploadVerdict>> ApplyAsync(
        HttpContext http, IUploadReceiver receiver, IReadOnlyList<UploadedTransaction> transactions)
    {
        var verdicts = new List<UploadVerdict>(transactions.Count);
        foreach (var transaction in transactions)
        {
            // Later transactions may build on earlier ones: after one that has to come again, all do.
            verdicts.Add(verdicts is [.., { Status: UploadStatus.Retry or UploadStatus.NumberTaken }]
                ? new UploadVerdict(UploadStatus.Retry, "An earlier transaction has to be applied first.")
                : await ApplyAsync(http, receiver, transaction));
        }
        return verdicts;
    }

    private static async Task<UploadVerdict> ApplyAsync(HttpContext http, IUploadReceiver receiver, UploadedTransaction transaction)
    {
        try
        {
            return await receiver.ApplyAsync(transaction, http.RequestAborted);
        }
        catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
        {
            var logger = http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(TopGunUploadEndpoint).FullName!);
            Log.Failed(logger, transaction.ClientId, transaction.Number, failure);
            return new UploadVerdict(UploadStatus.Retry, "The backend failed; its log says how.");
        }
    }

    private static async Task RefuseAsync(HttpContext http, int status, string code, string description)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(http.Response.BodyWriter);
        writer.WriteStartObject();
        writer.WriteStartObject("error");
        writer.WriteString("code", code);
        writer.WriteString("description", description);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string? SignedIn(HttpContext http) => http.User.Identity is { IsAuthenticated: true }
        ? http.User.FindFirst("sub")?.Value ?? http.User.FindFirst(ClaimTypes.NameIdentifier)?.Value
        : null;

    private static partial class Log
    {
        [LoggerMessage(7001, LogLevel.Error, "Transaction {Number} of client {ClientId} could not be applied; the device sends it again.")]
        public static partial void Failed(ILogger logger, string clientId, long number, Exception failure);
    }
}

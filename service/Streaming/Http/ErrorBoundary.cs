using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>Turns whatever a request ends with into an answer: an error body before the first byte, a cut connection after it.</summary>
internal sealed partial class ErrorBoundary(StreamingMetrics metrics, ILogger<ErrorBoundary> logger)
{
    public async Task RunAsync(HttpContext http, Func<HttpContext, Task> handle)
    {
        CorsHeaders.Add(http.Response);
        try
        {
            await handle(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left.
        }
        catch (Exception error)
        {
            var answer = AnswerTo(error, http.Request.Path, http.TraceIdentifier);
            if (http.Response.HasStarted)
                http.Abort();
            else
                await ErrorBody.WriteAsync(http, answer);
        }
    }

    /// <summary>What the client is told; whatever it is not told goes to the log.</summary>
    public SyncException AnswerTo(Exception error, string path, string traceId)
    {
        var answer = Name(error, path, traceId);
        metrics.Refused(answer.WireCode);
        return answer;
    }

    private SyncException Name(Exception error, string path, string traceId)
    {
        switch (error)
        {
            case SyncException sync:
                return sync;
            case BadHttpRequestException bad:
                return new SyncException(bad.StatusCode, "PSYNC_S2001", "RequestError", bad.Message);
            case BucketLimitException limit:
                return new SyncException(500, "PSYNC_S2305", "ServiceError", limit.Message);
            case RequestEvaluationException unusable:
                return new SyncException(400, "PSYNC_S2001", "ValidationError", unusable.Message);
            case SessionStalledException:
                Log.Stalled(logger, traceId);
                break;
            case OperationCanceledException:
                return new SyncException(503, "PSYNC_S2003", "ServiceUnavailable", "The service is shutting down.");
            case BucketsException named:
                Log.Named(logger, path, named.Code, traceId, named);
                break;
            default:
                Log.Unexpected(logger, path, traceId, error);
                break;
        }
        return new SyncException(500, "PSYNC_S2001", "InternalServerError", "Something went wrong.", cause: error);
    }

    private static partial class Log
    {
        [LoggerMessage(5001, LogLevel.Information, "A client took nothing from its stream and was cut off ({TraceId}).")]
        public static partial void Stalled(ILogger logger, string traceId);

        [LoggerMessage(5002, LogLevel.Error, "{Path} failed with {Code} ({TraceId}).")]
        public static partial void Named(ILogger logger, string path, string code, string traceId, Exception error);

        [LoggerMessage(5003, LogLevel.Error, "{Path} failed ({TraceId}).")]
        public static partial void Unexpected(ILogger logger, string path, string traceId, Exception error);
    }
}

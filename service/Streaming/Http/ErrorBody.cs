using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>Writes an error in the form that clients read: <c>{"error":{"name":…,"code":…,"status":…,"description":…}}</c>.</summary>
internal static class ErrorBody
{
    public static async Task WriteAsync(HttpContext http, SyncException error)
    {
        http.Response.Clear();
        CorsHeaders.Add(http.Response);
        http.Response.StatusCode = error.Status;
        if (error.RetryAfterSeconds is { } seconds)
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (error.Status == StatusCodes.Status429TooManyRequests)
            return; // as clients know it, and as cheap as can be
        http.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(http.Response.BodyWriter))
        {
            json.WriteStartObject();
            json.WriteStartObject("error");
            json.WriteString("name", error.Name);
            json.WriteString("code", error.WireCode);
            json.WriteNumber("status", error.Status);
            json.WriteString("description", error.Description);
            if (error.Details is not null)
                json.WriteString("details", error.Details);
            json.WriteString("severity", "error");
            json.WriteString("trace_id", http.TraceIdentifier);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }
}

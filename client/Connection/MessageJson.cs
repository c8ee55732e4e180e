using System.Text.Encodings.Web;
using System.Text.Json;

namespace TopGun.Buckets.Client.Connection;

/// <summary>How messages in other forms become lines.</summary>
internal static class MessageJson
{
    /// <summary>Nothing is escaped that need not be, and what was read once is not checked again.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
}

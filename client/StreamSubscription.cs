using System.Text.Json;

namespace TopGun.Buckets.Client;

/// <summary>A stream that the app asks for by name.</summary>
/// <param name="Name">Name in the service's rules. A name that the service does not know shows in <see cref="SyncStatus.StreamErrors"/>.</param>
/// <param name="Parameters">Parameters of this subscription: a JSON object.</param>
/// <param name="Priority">Replaces the stream's own priority: 0, the most urgent, to 3.</param>
public sealed record StreamSubscription(string Name, JsonElement? Parameters = null, int? Priority = null)
{
    internal void Check()
    {
        if (string.IsNullOrWhiteSpace(Name))
            throw ClientErrors.InvalidOption(nameof(BucketsClientOptions.Streams), "every stream must have a name");
        if (Parameters is { ValueKind: not JsonValueKind.Object })
            throw ClientErrors.InvalidOption(nameof(BucketsClientOptions.Streams), $"the parameters of '{Name}' must be a JSON object");
        if (Priority is < 0 or > 3)
            throw ClientErrors.InvalidOption(nameof(BucketsClientOptions.Streams), $"the priority of '{Name}' must be between 0 and 3");
    }
}

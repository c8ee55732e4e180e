using System.Text.Json;

namespace TopGun.Buckets.SyncRules;

/// <summary>Who asks for buckets, and with which parameters.</summary>
/// <param name="Token">Verified payload of the JWT, a JSON object.</param>
/// <param name="Parameters">Connection parameters that the client chose, a JSON object; not verified.</param>
/// <param name="IncludeDefaults">Whether streams marked for automatic subscription, and bucket definitions, are included.</param>
/// <param name="Subscriptions">Explicit stream subscriptions; their index is their identity.</param>
public sealed record BucketRequest(
    JsonElement Token, JsonElement Parameters, bool IncludeDefaults, IReadOnlyList<StreamSubscription> Subscriptions);

/// <summary>One explicit subscription.</summary>
/// <param name="Stream">Stream name; an unknown one is ignored.</param>
/// <param name="Parameters">JSON object, or undefined for none.</param>
/// <param name="PriorityOverride">0 to 3, or absent for the stream's own.</param>
public sealed record StreamSubscription(string Stream, JsonElement Parameters, int? PriorityOverride);

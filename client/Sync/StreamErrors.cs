using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Puts into words what a service could not serve of the streams that were asked for.</summary>
internal static class StreamErrors
{
    /// <param name="served">Streams of the checkpoint line.</param>
    /// <param name="wanted">Subscriptions in the order of the request, to which the errors refer by index.</param>
    public static IReadOnlyList<string> Of(IReadOnlyList<StreamDescription> served, IReadOnlyList<StreamSubscription> wanted)
    {
        var errors = new List<string>();
        foreach (var stream in served)
        {
            foreach (var error in stream.Errors)
            {
                var parameters = error.Subscription is { } index && index >= 0 && index < wanted.Count ? wanted[index].Parameters?.GetRawText() : null;
                errors.Add($"{stream.Name}{parameters}: {error.Message}");
            }
        }
        foreach (var subscription in wanted)
        {
            if (!served.Any(stream => stream.Name == subscription.Name))
                errors.Add($"{subscription.Name}: the service has no stream of this name.");
        }
        return errors;
    }
}

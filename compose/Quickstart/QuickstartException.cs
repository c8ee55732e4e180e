namespace TopGun.Buckets.Quickstart;

/// <summary>The demo cannot go on; the message says why.</summary>
internal sealed class QuickstartException(string message) : Exception(message);

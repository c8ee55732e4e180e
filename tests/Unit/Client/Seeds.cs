using System.Globalization;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Seeds of the client's random tests: a few in every run, as many as <c>TOPGUN_CLIENT_SEEDS</c> says at night.</summary>
internal static class Seeds
{
    public static IEnumerable<int> Of(int otherwise) => Enumerable.Range(
        1, int.TryParse(Environment.GetEnvironmentVariable("TOPGUN_CLIENT_SEEDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : otherwise);
}

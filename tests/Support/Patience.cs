using System.Diagnostics;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>How long a test waits for what has to happen.</summary>
public static class Patience
{
    /// <summary>Only a failing test waits this long, so it is as long as the slowest machine may need.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Waits until a condition that tells nobody of its coming holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Limit, $"It does not happen within {Limit}: {what}.");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}

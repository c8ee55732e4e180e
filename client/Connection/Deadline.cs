namespace TopGun.Buckets.Client.Connection;

/// <summary>Gives a request a time within which it must be answered.</summary>
internal static class Deadline
{
    /// <exception cref="TransportException">The time has passed.</exception>
    public static async Task<T> RunAsync<T>(
        Func<CancellationToken, Task<T>> request, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await request(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransportException($"The service did not answer within {timeout.TotalSeconds:0} seconds.");
        }
    }
}

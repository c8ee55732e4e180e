using Npgsql;

namespace TopGun.Buckets.DemoBackend;

/// <summary>Waits while the database starts beside the backend.</summary>
internal static class DatabaseStart
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task WaitAsync(Func<Task> prepareAsync, TimeProvider time)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                await prepareAsync();
                return;
            }
            catch (NpgsqlException failure) when (failure.IsTransient && time.GetElapsedTime(started) < Limit)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), time);
            }
        }
    }
}

namespace TopGun.Buckets.Client.Ado;

/// <summary>For callers that cannot await: runs away from their synchronisation context, which they block meanwhile.</summary>
internal static class Blocking
{
    public static void Run(Func<Task> work) => Task.Run(work).GetAwaiter().GetResult();

    public static T Run<T>(Func<Task<T>> work) => Task.Run(work).GetAwaiter().GetResult();
}

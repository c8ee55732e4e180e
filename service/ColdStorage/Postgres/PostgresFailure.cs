using System.Net.Sockets;
using Npgsql;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>What a failed statement means for the store.</summary>
internal static class PostgresFailure
{
    /// <summary>Whether the same may succeed later: the server is away or restarts, another transaction was in the way, resources ran short.</summary>
    public static bool IsTransient(Exception failure) => failure switch
    {
        PostgresException server => IsTransient(server.SqlState),
        NpgsqlException or SocketException or IOException or TimeoutException => true,
        _ => false,
    };

    /// <summary>53100: what could not be written was rolled back.</summary>
    public static bool IsNoRoom(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.DiskFull };

    /// <summary>A row is there already: what was tried before may have been committed after all.</summary>
    public static bool IsThereAlready(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation };

    // Lost connections, serialization failures and deadlocks, shutdowns and crashes, too little of something (but not of disk), locks and
    // timeouts, and a standby that is not promoted yet.
    private static bool IsTransient(string state) =>
        (state.StartsWith("08", StringComparison.Ordinal) && state != PostgresErrorCodes.ProtocolViolation)
        || state.StartsWith("40", StringComparison.Ordinal)
        || state.StartsWith("57", StringComparison.Ordinal)
        || (state.StartsWith("53", StringComparison.Ordinal) && state != PostgresErrorCodes.DiskFull)
        || state is PostgresErrorCodes.LockNotAvailable or "25P03" /* idle in a transaction */ or PostgresErrorCodes.ReadOnlySqlTransaction;
}

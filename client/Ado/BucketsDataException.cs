using System.Data.Common;
using SQLitePCL;

namespace TopGun.Buckets.Client;

/// <summary>A command on a connection of <see cref="BucketsClient.GetConnection"/> failed: as <see cref="LocalStoreException"/>, in the terms of ADO.NET.</summary>
public sealed class BucketsDataException : DbException
{
    internal BucketsDataException(LocalStoreException refused)
        : base(refused.Message, refused) => (SqliteErrorCode, Code) = (refused.SqliteErrorCode, refused.Code);

    internal BucketsDataException(int timeoutSeconds)
        : base($"The command took longer than its timeout of {timeoutSeconds} seconds (TGB6027). Raise its CommandTimeout, or end the transaction it waits for.") =>
        (SqliteErrorCode, Code) = (raw.SQLITE_INTERRUPT, "TGB6027");

    /// <summary>SQLite's extended result code; the low byte is the primary code.</summary>
    public int SqliteErrorCode { get; }

    /// <summary>Stable identifier: TGB6020 when SQLite refused, TGB6027 when it took too long.</summary>
    public string Code { get; }

    /// <inheritdoc/>
    public override int ErrorCode => SqliteErrorCode;

    /// <inheritdoc/>
    public override bool IsTransient => (SqliteErrorCode & 0xFF) is raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_INTERRUPT;
}

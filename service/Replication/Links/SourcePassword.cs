using Npgsql;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>The password of the source, from a file that may change at any time, or not our affair.</summary>
internal sealed class SourcePassword(string? file)
{
    /// <summary>The file's text, without the line break that editors end it with.</summary>
    /// <exception cref="BucketsException">The file cannot be read at the moment (TGB1101).</exception>
    public string Read()
    {
        try
        {
            return File.ReadAllText(file!).TrimEnd('\r', '\n');
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw SourceFailure.NotReachable($"the password file '{file}' cannot be read: {failure.Message.TrimEnd('.')}", failure);
        }
    }

    /// <summary>The connection string with the password in it.</summary>
    public string AddTo(string connectionString) => file is null
        ? connectionString
        : new NpgsqlConnectionStringBuilder(connectionString) { Password = Read() }.ConnectionString;

    /// <summary>
    /// A refused password is one that is being changed when it comes from a file: server and file do not change at the same moment, so it is tried
    /// again. Null when that is not what went wrong.
    /// </summary>
    public BucketsException? Explain(Exception failure) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword } refused when file is not null =>
            SourceFailure.NotReachable($"{refused.MessageText}; the password file '{file}' is read again at the next attempt", refused),
        _ when failure.InnerException is BucketsException ours => ours,
        _ => null,
    };
}

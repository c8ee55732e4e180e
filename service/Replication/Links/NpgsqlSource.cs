using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using Npgsql;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>A Postgres server, reached through Npgsql.</summary>
public sealed class NpgsqlSource : ISource, IAsyncDisposable
{
    private readonly NpgsqlDataSource _sessions;
    private readonly string _replication;
    private readonly string _publication;
    private readonly SourcePassword _password;

    /// <summary>Remembers how to connect; connects only when asked.</summary>
    /// <param name="connectionString">URI or keywords; see <see cref="SourceConnectionString"/>.</param>
    /// <param name="publication">The publication whose view of the tables is wanted.</param>
    /// <param name="passwordFile">
    /// File of the password, read at each connection so that it may be changed; null takes the one of the connection string.
    /// </param>
    /// <exception cref="BucketsException">The connection string cannot be understood (TGB1109).</exception>
    public NpgsqlSource(string connectionString, string publication, string? passwordFile = null)
    {
        _publication = publication;
        _password = new SourcePassword(passwordFile);
        var builder = SourceConnectionString.Parse(connectionString);
        builder.Pooling = false;
        builder.Multiplexing = false;
        builder.Options = string.Join(' ', [builder.Options ?? "", .. PinnedSettings.All.Select(one => $"-c {one.Name}={one.Value}")]).Trim();
        builder.ApplicationName ??= "topgun";
        builder.ReadBufferSize = 1 << 20; // fewer, larger reads while behind; measured against 8 KiB: half the processor time per row
        // A query has no deadline, for a snapshot may take as long as it takes; a server that is gone is noticed all the same.
        builder.TcpKeepAlive = true;
        builder.TcpKeepAliveTime = 30;
        builder.TcpKeepAliveInterval = 5;
        builder.CommandTimeout = 0; // waits are ended by cancellation
        _replication = builder.ConnectionString;
        builder.ReadBufferSize = 64 << 10;
        var sessions = new NpgsqlDataSourceBuilder(builder.ConnectionString)
            // Everything is asked for as text, so the server's types need not be read at each connection.
            .ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        if (passwordFile is not null)
            sessions.UsePasswordProvider(_ => _password.Read(), (_, _) => ValueTask.FromResult(_password.Read()));
        _sessions = sessions.Build();
    }

    public ValueTask DisposeAsync() => _sessions.DisposeAsync();

    public async ValueTask<ISourceSession> OpenSessionAsync(CancellationToken cancellationToken)
    {
        var connection = _sessions.CreateConnection();
        try
        {
            await connection.OpenAsync(cancellationToken);
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            await connection.DisposeAsync();
            throw _password.Explain(failure) ?? NpgsqlFailure.Name(failure, slot: null);
        }
        return new NpgsqlSourceSession(connection, _publication);
    }

    public async ValueTask<IReplicationLink> OpenReplicationAsync(CancellationToken cancellationToken)
    {
        var connection = new Npgsql.Replication.LogicalReplicationConnection(_password.AddTo(_replication));
        try
        {
            await connection.Open(cancellationToken);
            return await NpgsqlReplicationLink.CreateAsync(connection, cancellationToken);
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            await connection.DisposeAsync();
            throw _password.Explain(failure) ?? NpgsqlFailure.Name(failure, slot: null);
        }
    }
}

/// <summary>Gives what Npgsql throws the names of this room.</summary>
internal static partial class NpgsqlFailure
{
    private static readonly string[] SlotTexts =
    [
        "can no longer access replication slot",
        "can no longer get changes from replication slot",
        "cannot read from logical replication slot",
        "incorrect prev-link",
        "requested WAL segment",
    ];

    public static bool IsOurs(Exception failure) =>
        failure is NpgsqlException or SocketException or IOException or TimeoutException or ObjectDisposedException or InvalidOperationException;

    public static BucketsException Name(Exception failure, string? slot)
    {
        if (failure is not PostgresException server)
            return NameTls(failure) ?? SourceFailure.NotReachable(failure.Message.TrimEnd('.'), failure);
        var text = server.MessageText;
        if (slot is not null && IsAboutSlot(text))
            return SourceFailure.SlotLost(slot, text, server);
        var position = DecodedPosition().Match(server.Where ?? "");
        if (slot is not null && (IsTooLong(server) || (position.Success && !IsTemporary(server.SqlState))))
            return SourceFailure.NotDecoded(slot, position.Success ? position.Groups[1].Value : null, $"{text} ({server.Where})", server);
        if (server.SqlState == PostgresErrorCodes.ObjectInUse)
            return new BucketsException(SourceFailure.SlotInUse, $"The source refused: {text}.", "Only one service may read a slot.", server);
        if (IsTemporary(server.SqlState))
            return SourceFailure.NotReachable(text, server);
        return new BucketsException(
            SourceFailure.Refused,
            $"The source refused: {text} ({server.SqlState}).",
            Remedy(server),
            server);
    }

    // slot "topgun_app", output plugin "pgoutput", in the change callback, associated LSN 0/1A2B3C4
    [GeneratedRegex("output plugin .*, associated LSN ([0-9A-F]+/[0-9A-F]+)")]
    private static partial Regex DecodedPosition();

    /// <summary>Whether something is longer than what the server can hold in one piece.</summary>
    public static bool IsTooLong(PostgresException server) =>
        server.SqlState == PostgresErrorCodes.ProgramLimitExceeded
        || server.MessageText.StartsWith("invalid memory alloc request size", StringComparison.Ordinal)
        || server.MessageText == "out of memory";

    private static BucketsException? NameTls(Exception failure)
    {
        if (failure.InnerException is AuthenticationException refused)
        {
            return SourceFailure.NotTrusted(
                refused.Message.TrimEnd('.'),
                "Connect by a name that the server's certificate has, or check only who signed it with sslmode=verify-ca; name an authority of your own"
                + " with sslrootcert=<file>; see that the certificate has not expired.",
                failure);
        }
        return failure.Message.StartsWith("SSL connection requested", StringComparison.Ordinal)
            ? SourceFailure.NotTrusted(
                "the server does not offer it",
                "Turn 'ssl' on at the server, or write sslmode=disable where nobody else can listen.",
                failure)
            : null;
    }

    private static bool IsAboutSlot(string text) =>
        SlotTexts.Any(known => text.Contains(known, StringComparison.Ordinal))
        || (text.EndsWith("does not exist", StringComparison.Ordinal)
            && (text.StartsWith("replication slot ", StringComparison.Ordinal) || text.StartsWith("publication ", StringComparison.Ordinal)));

    // Shutting down, starting up, crashed, ended by an administrator, no connection or memory left, a conflict with others.
    private static bool IsTemporary(string state) =>
        state.StartsWith("57P", StringComparison.Ordinal)
        || state.StartsWith("53", StringComparison.Ordinal)
        || (state.StartsWith("08", StringComparison.Ordinal) && state != PostgresErrorCodes.ProtocolViolation)
        || state.StartsWith("40", StringComparison.Ordinal)
        || state.StartsWith("58", StringComparison.Ordinal)
        || state == PostgresErrorCodes.LockNotAvailable;

    private static string Remedy(PostgresException server) => server.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            "Check user and password in the source's connection string, and pg_hba.conf.",
        PostgresErrorCodes.InvalidCatalogName => "Check the database in the source's connection string.",
        PostgresErrorCodes.InsufficientPrivilege => "The role needs REPLICATION, and SELECT on every table of the sync rules.",
        PostgresErrorCodes.ProtocolViolation => "Poolers such as PgBouncer cannot be used: connect to the server itself.",
        _ => "Run 'topgun doctor' to have the source checked.",
    };
}

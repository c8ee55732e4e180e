using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Npgsql.Replication;
using Npgsql.Replication.Internal;
using NpgsqlTypes;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>A walsender connection through Npgsql, which answers the server's keepalives and hands us the bytes of everything else.</summary>
/// <remarks>One reader; <see cref="SendStatusAsync"/> may be called meanwhile.</remarks>
internal sealed class NpgsqlReplicationLink : IReplicationLink
{
    // A dead connection is noticed after this time: the driver asks the server for a sign of life at half of it.
    private static readonly TimeSpan ReceiverTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestStatusInterval = TimeSpan.FromSeconds(10);

    // How often an idle stream says where the server is.
    private static readonly TimeSpan KeepaliveInterval = TimeSpan.FromMilliseconds(250);

    // The oldest version whose slots may have copies on standbys.
    private const int FirstVersionWithFailover = 17;
    private const int FirstVersionWithOptionList = 15;

    private readonly LogicalReplicationConnection _connection;
    private readonly ReadPace _pace = new();
    private byte[] _data = new byte[64 << 10];
    private string _slot = "";
    private IAsyncEnumerator<XLogDataMessage>? _messages;
    private CancellationTokenSource? _ending;
    private Task<bool>? _pending;
    private Task? _tick;
    private Lsn _reported;

    private NpgsqlReplicationLink(LogicalReplicationConnection connection) => _connection = connection;

    public static async ValueTask<NpgsqlReplicationLink> CreateAsync(
        LogicalReplicationConnection connection, CancellationToken cancellationToken)
    {
        var timeout = ParseDuration(await connection.Show("wal_sender_timeout", cancellationToken));
        connection.WalReceiverTimeout = ReceiverTimeout;
        // The server ends a connection that is silent for wal_sender_timeout; 0 means never.
        connection.WalReceiverStatusInterval = timeout > TimeSpan.Zero && timeout / 3 < LongestStatusInterval ? timeout / 3 : LongestStatusInterval;
        return new NpgsqlReplicationLink(connection);
    }

    public async ValueTask<SourceIdentity> IdentifyAsync(CancellationToken cancellationToken)
    {
        try
        {
            var system = await _connection.IdentifySystem(cancellationToken);
            return new SourceIdentity(system.SystemId, system.Timeline, new Lsn((ulong)system.XLogPos), system.DbName ?? "");
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, slot: null);
        }
    }

    public async ValueTask<string> ReadTimelineHistoryAsync(uint timeline, CancellationToken cancellationToken)
    {
        try
        {
            var history = await ReadSingleRow(
                _connection, string.Create(CultureInfo.InvariantCulture, $"TIMELINE_HISTORY {timeline}"), cancellationToken);
            return history[1] as string ?? Encoding.UTF8.GetString((byte[])history[1]);
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, slot: null);
        }
    }

    public async ValueTask<Lsn> CreateSlotAsync(string slot, CancellationToken cancellationToken)
    {
        try
        {
            var options = _connection.PostgreSqlVersion.Major switch
            {
                >= FirstVersionWithFailover => "(SNAPSHOT 'nothing', FAILOVER true)",
                >= FirstVersionWithOptionList => "(SNAPSHOT 'nothing')",
                _ => "NOEXPORT_SNAPSHOT",
            };
            var created = await ReadSingleRow(_connection, $"CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput {options}", cancellationToken);
            return Lsn.Parse((string)created[1]);
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, slot: null);
        }
    }

    public async ValueTask NameReaderAsync(string reader, CancellationToken cancellationToken)
    {
        try
        {
            await ReadSingleRow(_connection, $"SELECT set_config('application_name', {SqlText.Literal(reader)}, false)", cancellationToken);
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, slot: null);
        }
    }

    public ValueTask StartAsync(string slot, string publication, CancellationToken cancellationToken)
    {
        _slot = slot;
        var quoted = $"\"{publication.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
        var options = new Dictionary<string, string?>
        {
            ["proto_version"] = "1",
            ["publication_names"] = quoted.Replace("'", "''", StringComparison.Ordinal),
            ["messages"] = "true",
        };
        // The driver cancels by the token it was started with; reads are cancelled apart from it, in ReadAsync.
        _ending = new CancellationTokenSource();
        _messages = _connection
            .StartLogicalReplication(new PlainSlot(slot), _ending.Token, walLocation: null, options)
            .GetAsyncEnumerator(CancellationToken.None);
        return ValueTask.CompletedTask;
    }

    public async ValueTask<WalMessage> ReadAsync(CancellationToken cancellationToken)
    {
        var messages = _messages ?? throw new InvalidOperationException("The link has not been started.");
        try
        {
            if (_pace.HasToPause)
                await _pace.PauseAsync(cancellationToken);
            if (_pending is null)
            {
                var next = messages.MoveNextAsync();
                if (!next.IsCompleted)
                {
                    _pending = next.AsTask();
                    _pace.Wait();
                }
                else if (!next.Result)
                    throw Ended();
            }
            if (_pending is not null && !await ArrivesAsync(_pending, cancellationToken))
                return new WalMessage(_reported, _reported, default);
            return await CopyAsync(messages.Current, cancellationToken);
        }
        // The driver trips over its own timer when this process stood still for longer than that, and the connection is gone.
        catch (Exception failure) when (failure is NullReferenceException || NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, _slot);
        }
    }

    public async ValueTask SendStatusAsync(Lsn flushed, CancellationToken cancellationToken)
    {
        try
        {
            _connection.SetReplicationStatus(new NpgsqlLogSequenceNumber(flushed.Value));
            await _connection.SendStatusUpdate(cancellationToken);
        }
        // The driver trips over its own timer when the stream ends while a status is being sent.
        catch (Exception failure) when (failure is NullReferenceException || NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, _slot);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_messages is not null)
        {
            await _ending!.CancelAsync();
            try
            {
                if (_pending is not null)
                    await _pending;
                await _messages.DisposeAsync();
            }
            catch (Exception failure) when (failure is OperationCanceledException || NpgsqlFailure.IsOurs(failure))
            {
                // The stream is being left: how it ends no longer matters.
            }
            _ending.Dispose();
        }
        await _connection.DisposeAsync();
    }

    /// <summary>Waits for the next message; false when meanwhile the server told that it is further, with nothing for us.</summary>
    private async ValueTask<bool> ArrivesAsync(Task<bool> pending, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Waiting with a timeout costs an exception each time; a delay beside the reads, shared by them, does not.
            if (_tick is null or { IsCompleted: true })
                _tick = Task.Delay(KeepaliveInterval, cancellationToken);
            var first = await Task.WhenAny(pending, _tick);
            cancellationToken.ThrowIfCancellationRequested();
            if (first == pending)
            {
                _pending = null;
                return await pending ? true : throw Ended();
            }
            // The driver keeps a keepalive's position to itself and only raises LastReceivedLsn, which also rises with the message that is on its way
            // to us. Only that of a commit lies at an end that we do not have, and its transaction is open until it is here, so that this counts for
            // nothing. Each time anew, and to the last byte: a server that is told to stop waits for us to confirm all that it has.
            _reported = new Lsn((ulong)_connection.LastReceivedLsn);
            if (_reported > Lsn.None)
                return false;
        }
    }

    private async ValueTask<WalMessage> CopyAsync(XLogDataMessage message, CancellationToken cancellationToken)
    {
        var length = checked((int)message.Data.Length);
        if (_data.Length < length)
            _data = new byte[Math.Max(length, Math.Min(_data.Length * 2, Array.MaxLength))];
        await message.Data.ReadExactlyAsync(_data.AsMemory(0, length), cancellationToken);
        // One that is left open makes the driver wait for bytes that never come, when the server ends the stream with an error.
        await message.Data.DisposeAsync();
        _pace.Count();
        return new WalMessage(new Lsn((ulong)message.WalStart), new Lsn((ulong)message.WalEnd), _data.AsMemory(0, length));
    }

    // Any replication command that answers with one row. The driver has no method for a slot with failover, and its own for a timeline's history
    // expects bytes where servers from version 15 on send text.
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "ReadSingleRow")]
    private static extern Task<object[]> ReadSingleRow(ReplicationConnection connection, string command, CancellationToken cancellationToken);

    private BucketsException Ended() => SourceFailure.NotReachable($"the server ended the stream of slot '{_slot}'", cause: null);

    // '1min', '60s', '500ms', '0'
    private static TimeSpan ParseDuration(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var number = int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        return text[digits..].Trim() switch
        {
            "s" => TimeSpan.FromSeconds(number),
            "min" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            "d" => TimeSpan.FromDays(number),
            _ => TimeSpan.FromMilliseconds(number),
        };
    }

    private sealed class PlainSlot(string name)
        : LogicalReplicationSlot("pgoutput", new ReplicationSlotOptions(name));

    /// <summary>Holds the reading back while there is a backlog, and never otherwise.</summary>
    /// <remarks>
    /// A reader that takes each packet at once makes the server send, and wake up, once per row. One that lets a millisecond's worth pile up
    /// gets twice the rows for half the processor time on both sides. Measured best at 500 messages to a pause. A reader that finds something whenever it
    /// asks, because what it does with the rows takes longer than sending them, lets enough pile up as it is.
    /// </remarks>
    private sealed class ReadPace
    {
        private const int Messages = 500;
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

        // Fewer than 25 000 messages a second are a live source, whose reader adds no delay.
        private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(20);

        private int _count;
        private long _since = Stopwatch.GetTimestamp();
        private bool _hasWaited;

        public bool HasToPause { get; private set; }

        /// <summary>The next message was not there yet.</summary>
        public void Wait() => _hasWaited = true;

        public void Count()
        {
            if (++_count < Messages)
                return;
            HasToPause = _hasWaited && Stopwatch.GetElapsedTime(_since) < Busy;
            Restart();
        }

        public async ValueTask PauseAsync(CancellationToken cancellationToken)
        {
            HasToPause = false;
            await Task.Delay(Pause, cancellationToken);
            Restart();
        }

        private void Restart()
        {
            _count = 0;
            _hasWaited = false;
            _since = Stopwatch.GetTimestamp();
        }
    }
}

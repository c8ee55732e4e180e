using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace TopGun.Buckets.Client.Ado;

/// <summary>One or several statements with parameters. It runs in its connection's open transaction, whether that was named or not.</summary>
internal sealed class BucketsCommand : DbCommand
{
    private readonly ParameterList _parameters = new();
    private readonly Lock _gate = new();
    private BucketsConnection? _connection;
    private CancellationTokenSource? _running;
    private string _text = "";
    private bool _isCancelled;

    [AllowNull]
    public override string CommandText
    {
        get => _text;
        set => _text = value ?? "";
    }

    /// <summary>Seconds to wait for the turn at the writer, and for a query to end; 0 waits for ever.</summary>
    public override int CommandTimeout { get; set; } = 30;

    public override CommandType CommandType
    {
        get => CommandType.Text;
        set
        {
            if (value != CommandType.Text)
                throw new NotSupportedException("SQLite has no stored procedures; a command is SQL text.");
        }
    }

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource { get; set; }

    protected override DbConnection? DbConnection
    {
        get => _connection;
        set => _connection = value is null or BucketsConnection
            ? (BucketsConnection?)value
            : throw new ArgumentException("The connection is of another provider.", nameof(value));
    }

    protected override DbParameterCollection DbParameterCollection => _parameters;

    protected override DbTransaction? DbTransaction { get; set; }

    public override void Cancel()
    {
        lock (_gate)
        {
            _isCancelled = true;
            _running?.Cancel();
        }
    }

    /// <summary>Statements stay compiled for as long as they are used, so there is nothing to do ahead.</summary>
    public override void Prepare()
    {
    }

    public override int ExecuteNonQuery() => Blocking.Run(() => ExecuteNonQueryAsync(CancellationToken.None));

    public override async Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken) =>
        (await RunAsync(firstRowOnly: false, cancellationToken)).RecordsAffected;

    public override object? ExecuteScalar() => Blocking.Run(() => ExecuteScalarAsync(CancellationToken.None));

    public override async Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken)
    {
        var result = await RunAsync(firstRowOnly: true, cancellationToken);
        return result.Tables is [{ Rows: [var row, ..] }, ..] ? row[0] ?? DBNull.Value : null;
    }

    protected override DbParameter CreateDbParameter() => new Parameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) =>
        Blocking.Run(() => ExecuteDbDataReaderAsync(behavior, CancellationToken.None));

    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => new ResultReader(
        await RunAsync(behavior.HasFlag(CommandBehavior.SingleRow), cancellationToken),
        behavior.HasFlag(CommandBehavior.CloseConnection) ? _connection : null);

    private async Task<CommandResult> RunAsync(bool firstRowOnly, CancellationToken cancellationToken)
    {
        if (_connection is not { } connection)
            throw new InvalidOperationException("The command has no connection.");
        if (DbTransaction is BucketsTransaction { Connection: null })
            throw ClientErrors.TransactionOver();
        using var timeout = new CancellationTokenSource(
            CommandTimeout > 0 ? TimeSpan.FromSeconds(CommandTimeout) : Timeout.InfiniteTimeSpan, connection.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        lock (_gate)
            (_running, _isCancelled) = (stop, false);
        try
        {
            return await connection.RunAsync(new CommandBatch(_text, _parameters, firstRowOnly), stop.Token);
        }
        catch (LocalStoreException exception)
        {
            throw new BucketsDataException(exception);
        }
        catch (OperationCanceledException) when (!_isCancelled && !cancellationToken.IsCancellationRequested)
        {
            throw new BucketsDataException(CommandTimeout);
        }
        finally
        {
            lock (_gate)
                _running = null;
        }
    }
}

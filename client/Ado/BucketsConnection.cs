using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using SQLitePCL;
using TopGun.Buckets.Client.LocalStore;
using DbState = System.Data.ConnectionState;

namespace TopGun.Buckets.Client.Ado;

/// <summary>The client's database as ADO.NET knows databases, for Dapper and whatever else builds on it.</summary>
/// <remarks>
/// It stands for no connection of SQLite's: what reads borrows a reader, what writes waits for its turn at the writer, and both go the way of the
/// client's own calls, so that writes are queued for upload and wake live queries. Its transaction is a write transaction of the client.
/// </remarks>
internal sealed class BucketsConnection : DbConnection
{
    private readonly BucketsClient _client;
    private readonly bool _isInside;
    private LocalDatabase? _local;
    private WriteTransaction? _transaction;

    public BucketsConnection(BucketsClient client) => _client = client;

    /// <summary>One inside a transaction that somebody else ends.</summary>
    public BucketsConnection(BucketsClient client, WriteTransaction transaction)
    {
        (_client, _local, _transaction) = (client, transaction.Local, transaction);
        _isInside = true;
    }

    /// <summary>Tells only what is open; the client opens the file.</summary>
    [AllowNull]
    public override string ConnectionString
    {
        get => $"Data Source={DataSource}";
        set => throw new NotSupportedException("The connection belongs to a BucketsClient, whose options name the file.");
    }

    public override string Database => "main";

    public override string DataSource => _client.DatabasePath;

    public override string ServerVersion => raw.sqlite3_libversion().utf8_to_string();

    public override DbState State => _local is null ? DbState.Closed : DbState.Open;

    public TimeProvider Time => _client.Time;

    public override void Open() => Blocking.Run(() => OpenAsync(CancellationToken.None));

    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (_local is not null)
            throw new InvalidOperationException("The connection is open already.");
        _local = await _client.LocalAsync().WaitAsync(cancellationToken);
        OnStateChange(new StateChangeEventArgs(DbState.Closed, DbState.Open));
    }

    public override void Close()
    {
        if (OwnTransaction is not null)
            Blocking.Run(CloseAsync);
        else
            Closed();
    }

    public override async Task CloseAsync()
    {
        if (OwnTransaction is { } open)
            await BucketsClient.RollBackAsync(open);
        Closed();
    }

    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException("A client has one database.");

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
    }

    /// <summary>Runs a command: in the open transaction, or where that is none, as its statements ask for.</summary>
    public async Task<CommandResult> RunAsync(CommandBatch batch, CancellationToken cancellationToken)
    {
        if (_local is not { } local)
            throw new InvalidOperationException("The connection is not open.");
        cancellationToken.ThrowIfCancellationRequested();
        if (_transaction is { IsOver: true })
            throw ClientErrors.TransactionOver();
        if (_transaction is { } transaction)
            return await local.OnWriterAsync(database => batch.Write(database, transaction));
        if (!batch.BeginsWithWrite && await _client.ReadAsync(batch.TryRead, cancellationToken) is { } result)
            return result;
        return await _client.WriteOnceAsync(batch.Write, cancellationToken);
    }

    public async Task CommitAsync(WriteTransaction transaction)
    {
        _transaction = null;
        try
        {
            await _client.CommitAsync(transaction);
        }
        catch (LocalStoreException exception)
        {
            throw new BucketsDataException(exception);
        }
    }

    public async Task RollBackAsync(WriteTransaction transaction)
    {
        if (_transaction == transaction)
            _transaction = null;
        await BucketsClient.RollBackAsync(transaction);
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel)
    {
        var transaction = Enter(isolationLevel);
        return Blocking.Run(() => BeginAsync(transaction, CancellationToken.None));
    }

    // No async method: what it notes about the caller's flow is to last beyond it.
    protected override ValueTask<DbTransaction> BeginDbTransactionAsync(IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
        new(BeginAsync(Enter(isolationLevel), cancellationToken));

    protected override DbCommand CreateDbCommand() => new BucketsCommand { Connection = this };

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Close();
        base.Dispose(disposing);
    }

    private WriteTransaction? OwnTransaction => _isInside ? null : _transaction;

    private WriteTransaction Enter(IsolationLevel isolationLevel)
    {
        if (_local is not { } local)
            throw new InvalidOperationException("The connection is not open.");
        if (_transaction is not null)
            throw new InvalidOperationException("The connection has an open transaction already; within one there are savepoints.");
        if (isolationLevel == IsolationLevel.Chaos)
            throw new ArgumentException("SQLite's transactions are serializable.", nameof(isolationLevel));
        return _client.EnterTransaction(local);
    }

    private async Task<DbTransaction> BeginAsync(WriteTransaction transaction, CancellationToken cancellationToken)
    {
        try
        {
            await _client.BeginAsync(transaction, endsWithClient: true, cancellationToken);
        }
        catch (LocalStoreException exception)
        {
            throw new BucketsDataException(exception);
        }
        _transaction = transaction;
        return new BucketsTransaction(this, transaction);
    }

    private void Closed()
    {
        if (_local is null)
            return;
        (_local, _transaction) = (null, null);
        OnStateChange(new StateChangeEventArgs(DbState.Open, DbState.Closed));
    }
}

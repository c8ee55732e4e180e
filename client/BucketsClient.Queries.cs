using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using TopGun.Buckets.Client.Ado;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries;
using TopGun.Buckets.Client.Queries.Live;

namespace TopGun.Buckets.Client;

/// <content>Reading and writing local data.</content>
public sealed partial class BucketsClient
{
    private const DynamicallyAccessedMemberTypes Constructors = DynamicallyAccessedMemberTypes.PublicConstructors;

    // Tells a caller that is inside a write transaction of this client, in whatever method it has got to.
    private readonly AsyncLocal<WriteTransaction?> _inside = new();
    private WriteTransaction? _endsWithClient;

    /// <summary>Runs one statement in a transaction of its own.</summary>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    /// <returns>Rows written, also through views.</returns>
    /// <exception cref="LocalStoreException">SQLite refused it; nothing has changed.</exception>
    public Task<int> ExecuteAsync(string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        WriteOnceAsync((database, transaction) => transaction.Execute(database, sql, parameters), cancellationToken);

    /// <summary>Runs several reads and writes as one transaction, which is also uploaded as one.</summary>
    /// <param name="work">Receives the transaction. When it returns, the transaction commits; when it throws, nothing has happened.</param>
    /// <param name="cancellationToken">Stops waiting for the turn; after that, keeps the transaction from committing.</param>
    public async Task<T> WriteTransactionAsync<T>(Func<WriteTransaction, Task<T>> work, CancellationToken cancellationToken = default)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var transaction = EnterTransaction(local);
        await BeginAsync(transaction, endsWithClient: false, cancellationToken);
        T result;
        try
        {
            result = await work(transaction);
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch
        {
            await RollBackAsync(transaction);
            throw;
        }
        await CommitAsync(transaction);
        return result;
    }

    /// <summary>Runs several reads and writes as one transaction, which is also uploaded as one.</summary>
    /// <param name="work">Receives the transaction. When it returns, the transaction commits; when it throws, nothing has happened.</param>
    /// <param name="cancellationToken">Stops waiting for the turn; after that, keeps the transaction from committing.</param>
    public Task WriteTransactionAsync(Func<WriteTransaction, Task> work, CancellationToken cancellationToken = default) =>
        WriteTransactionAsync(
            async transaction =>
            {
                await work(transaction);
                return true;
            },
            cancellationToken);

    /// <summary>Reads rows as records or single values. Never waits for the network, nor for writers.</summary>
    /// <typeparam name="T">A simple type for the first column, or a type whose constructor's parameters are named like the columns.</typeparam>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Stops the query, also while SQLite works on it.</param>
    public Task<IReadOnlyList<T>> QueryAsync<[DynamicallyAccessedMembers(Constructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        ReadAsync(database => QueryRunner.Run<T>(database, sql, parameters), cancellationToken);

    /// <summary>Reads rows with a function of the app's.</summary>
    public Task<IReadOnlyList<T>> QueryAsync<T>(
        string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        ReadAsync(database => QueryRunner.Run(database, sql, map, parameters), cancellationToken);

    internal Task<IReadOnlyList<T>> QueryRowsAsync<T>(
        string sql, RowMaking<T> making, IReadOnlyList<object?>? parameters, CancellationToken cancellationToken) =>
        ReadAsync(database => QueryRunner.Run(database, sql, making, parameters), cancellationToken);

    /// <summary>
    /// A closed connection of ADO.NET to the local database, for Dapper and whatever else builds on it. Reads see one committed state; writes are
    /// queued for upload and wake live queries, as the client's own; a transaction is one write transaction, here and on the backend.
    /// </summary>
    /// <remarks>
    /// Results are read to their end before the first row is handed out. One that begins a transaction holds the writer until it ends it, and what
    /// it runs meanwhile belongs to it. Failures of SQLite are a <see cref="BucketsDataException"/>.
    /// </remarks>
    public DbConnection GetConnection() => new BucketsConnection(this);

    internal string DatabasePath => _options.DatabasePath;

    internal TimeProvider Time => _options.TimeProvider;

    internal async Task<T> ReadAsync<T>(Func<Database, T> work, CancellationToken cancellationToken)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        return await local.ReadAsync(work, cancellationToken);
    }

    /// <summary>Runs work as a transaction of its own.</summary>
    internal async Task<T> WriteOnceAsync<T>(Func<Database, WriteTransaction, T> work, CancellationToken cancellationToken)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var transaction = new WriteTransaction(this, local, _options.Schema);
        await local.AcquireWriterAsync(cancellationToken);
        T result;
        try
        {
            result = await OrRollBackAsync(local, database =>
            {
                local.BeginLocalWrite(database);
                var written = work(database, transaction);
                transaction.Commit(database);
                return written;
            });
        }
        finally
        {
            local.ReleaseWriter();
        }
        Announce(local, transaction);
        return result;
    }

    /// <summary>Makes a transaction, and notes that the caller is inside it until it ends: what it does outside it would wait for ever.</summary>
    internal WriteTransaction EnterTransaction(LocalDatabase local)
    {
        CheckNotInside();
        var transaction = new WriteTransaction(this, local, _options.Schema);
        _inside.Value = transaction;
        return transaction;
    }

    /// <summary>Begins it, when it is its turn.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="endsWithClient">Whether disposing the client rolls it back; else that waits for its end.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    internal async Task BeginAsync(WriteTransaction transaction, bool endsWithClient, CancellationToken cancellationToken)
    {
        var local = transaction.Local;
        try
        {
            await local.AcquireWriterAsync(cancellationToken);
            try
            {
                if (endsWithClient)
                    EndWithClient(transaction);
                await OrRollBackAsync(local, database =>
                {
                    local.BeginLocalWrite(database); // may begin and fail at its number
                    return true;
                });
            }
            catch
            {
                local.ReleaseWriter();
                throw;
            }
        }
        catch
        {
            transaction.TryEnd();
            throw;
        }
    }

    internal async Task CommitAsync(WriteTransaction transaction)
    {
        if (!transaction.TryEnd())
            throw ClientErrors.TransactionOver();
        var local = transaction.Local;
        try
        {
            await OrRollBackAsync(local, transaction.Commit);
        }
        finally
        {
            local.ReleaseWriter();
        }
        Announce(local, transaction);
    }

    /// <summary>Works on the writer; what fails leaves no transaction open.</summary>
    private static Task<T> OrRollBackAsync<T>(LocalDatabase local, Func<Database, T> work) => local.OnWriterAsync(database =>
    {
        try
        {
            return work(database);
        }
        catch
        {
            LocalDatabase.RollBack(database);
            throw;
        }
    });

    /// <summary>Ends it without effect, unless it has ended.</summary>
    internal static async Task RollBackAsync(WriteTransaction transaction)
    {
        if (!transaction.TryEnd())
            return;
        try
        {
            await transaction.Local.OnWriterAsync(database =>
            {
                LocalDatabase.RollBack(database);
                return true;
            });
        }
        finally
        {
            transaction.Local.ReleaseWriter();
        }
    }

    private void EndWithClient(WriteTransaction transaction)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _endsWithClient = transaction;
        }
    }

    private void CheckNotInside()
    {
        if (_inside.Value is { IsOver: false })
            throw ClientErrors.OuterClientInsideTransaction();
    }

    private void Announce(LocalDatabase local, WriteTransaction transaction)
    {
        if (transaction.Changed.Schema)
            local.ForgetStatements();
        _status.Update(status => status.With(transaction.Gate));
        local.Changes.Announce(transaction.Changed);
    }
}

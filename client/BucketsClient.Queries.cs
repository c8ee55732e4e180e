using System.Diagnostics.CodeAnalysis;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries;

namespace TopGun.Buckets.Client;

/// <content>Reading and writing local data.</content>
public sealed partial class BucketsClient
{
    private const DynamicallyAccessedMemberTypes Constructors = DynamicallyAccessedMemberTypes.PublicConstructors;

    // Tells a caller that is inside a write transaction of this client, in whatever method it has got to.
    private readonly AsyncLocal<bool> _insideTransaction = new();

    /// <summary>Runs one statement in a transaction of its own.</summary>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    /// <returns>Rows written, also through views.</returns>
    /// <exception cref="LocalStoreException">SQLite refused it; nothing has changed.</exception>
    public async Task<int> ExecuteAsync(string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var transaction = new WriteTransaction(local, _options.Schema);
        await local.AcquireWriterAsync(cancellationToken);
        int rows;
        try
        {
            rows = await local.OnWriterAsync(database =>
            {
                try
                {
                    local.BeginLocalWrite(database);
                    var written = transaction.Execute(database, sql, parameters);
                    transaction.Commit(database);
                    return written;
                }
                catch
                {
                    LocalDatabase.RollBack(database);
                    throw;
                }
            });
        }
        finally
        {
            local.ReleaseWriter();
        }
        Announce(local, transaction);
        return rows;
    }

    /// <summary>Runs several reads and writes as one transaction, which is also uploaded as one.</summary>
    /// <param name="work">Receives the transaction. When it returns, the transaction commits; when it throws, nothing has happened.</param>
    /// <param name="cancellationToken">Stops waiting for the turn; after that, keeps the transaction from committing.</param>
    public async Task<T> WriteTransactionAsync<T>(Func<WriteTransaction, Task<T>> work, CancellationToken cancellationToken = default)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var transaction = new WriteTransaction(local, _options.Schema);
        await local.AcquireWriterAsync(cancellationToken);
        T result;
        try
        {
            result = await RunAsync(local, transaction, work, cancellationToken);
        }
        finally
        {
            local.ReleaseWriter();
        }
        Announce(local, transaction);
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
    public async Task<IReadOnlyList<T>> QueryAsync<[DynamicallyAccessedMembers(Constructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        return await local.ReadAsync(database => QueryRunner.Run<T>(database, sql, parameters), cancellationToken);
    }

    /// <summary>Reads rows with a function of the app's.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(
        string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        return await local.ReadAsync(database => QueryRunner.Run(database, sql, map, parameters), cancellationToken);
    }

    private async Task<T> RunAsync<T>(
        LocalDatabase local, WriteTransaction transaction, Func<WriteTransaction, Task<T>> work, CancellationToken cancellationToken)
    {
        await local.OnWriterAsync(database =>
        {
            local.BeginLocalWrite(database);
            return true;
        });
        try
        {
            _insideTransaction.Value = true;
            var result = await work(transaction);
            cancellationToken.ThrowIfCancellationRequested();
            transaction.End();
            await local.OnWriterAsync(transaction.Commit);
            return result;
        }
        catch
        {
            transaction.End();
            await local.OnWriterAsync(database =>
            {
                LocalDatabase.RollBack(database);
                return true;
            });
            throw;
        }
        finally
        {
            _insideTransaction.Value = false;
        }
    }

    private void CheckNotInside()
    {
        if (_insideTransaction.Value)
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

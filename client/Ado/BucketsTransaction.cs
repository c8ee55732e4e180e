using System.Data;
using System.Data.Common;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Ado;

/// <summary>A write transaction of the client in ADO.NET's terms: it holds the writer until it ends, and is uploaded as one.</summary>
internal sealed class BucketsTransaction(BucketsConnection connection, WriteTransaction transaction) : DbTransaction
{
    public override IsolationLevel IsolationLevel => IsolationLevel.Serializable;

    public override bool SupportsSavepoints => true;

    protected override DbConnection? DbConnection => transaction.IsOver ? null : connection;

    public override void Commit() => Blocking.Run(() => CommitAsync(CancellationToken.None));

    public override async Task CommitAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await connection.CommitAsync(transaction);
    }

    public override void Rollback() => Blocking.Run(() => RollbackAsync(CancellationToken.None));

    public override async Task RollbackAsync(CancellationToken cancellationToken = default)
    {
        if (transaction.IsOver)
            throw ClientErrors.TransactionOver();
        await connection.RollBackAsync(transaction);
    }

    public override void Save(string savepointName) => Blocking.Run(() => RunAsync("SAVEPOINT", savepointName));

    public override void Rollback(string savepointName) => Blocking.Run(() => RunAsync("ROLLBACK TO", savepointName));

    public override void Release(string savepointName) => Blocking.Run(() => RunAsync("RELEASE", savepointName));

    public override Task SaveAsync(string savepointName, CancellationToken cancellationToken = default) => RunAsync("SAVEPOINT", savepointName);

    public override Task RollbackAsync(string savepointName, CancellationToken cancellationToken = default) => RunAsync("ROLLBACK TO", savepointName);

    public override Task ReleaseAsync(string savepointName, CancellationToken cancellationToken = default) => RunAsync("RELEASE", savepointName);

    public override async ValueTask DisposeAsync()
    {
        await connection.RollBackAsync(transaction);
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !transaction.IsOver)
            Blocking.Run(() => connection.RollBackAsync(transaction));
        base.Dispose(disposing);
    }

    private async Task RunAsync(string what, string savepoint)
    {
        try
        {
            await transaction.ExecuteAsync($"{what} {SqlText.Name(savepoint)}");
        }
        catch (LocalStoreException exception)
        {
            throw new BucketsDataException(exception);
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client;

/// <summary>An open write transaction: its reads see its own writes, and its writes are uploaded as one.</summary>
/// <remarks>Usable by one caller at a time, inside the delegate that received it.</remarks>
public sealed class WriteTransaction
{
    private readonly LocalDatabase _local;
    private readonly LocalWrites _writes;
    private bool _over;

    internal WriteTransaction(LocalDatabase local, LocalSchema schema)
    {
        _local = local;
        _writes = new LocalWrites(schema);
    }

    /// <summary>What it changed; complete once it has committed.</summary>
    internal ChangeSet Changed { get; private set; } = new();

    /// <summary>Whether downloads have to wait for an upload now; null when that has not changed.</summary>
    internal GateReport? Gate { get; private set; }

    /// <summary>Runs one statement.</summary>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Keeps the statement from starting.</param>
    /// <returns>Rows written, also through views.</returns>
    /// <exception cref="LocalStoreException">SQLite refused it; the transaction is still open.</exception>
    public async Task<int> ExecuteAsync(string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        Check(cancellationToken);
        return await _local.OnWriterAsync(database => Execute(database, sql, parameters));
    }

    /// <summary>Reads rows; see <see cref="BucketsClient.QueryAsync{T}(string, IReadOnlyList{object?}?, CancellationToken)"/>.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        Check(cancellationToken);
        return await _local.OnWriterAsync(database => Note(database, sql, QueryRunner.Run<T>(database, sql, parameters)));
    }

    /// <summary>Reads rows with a function of the app's.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(
        string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        Check(cancellationToken);
        return await _local.OnWriterAsync(database => Note(database, sql, QueryRunner.Run(database, sql, map, parameters)));
    }

    /// <summary>A statement with <c>RETURNING</c> writes too.</summary>
    private T Note<T>(Database database, string sql, T rows)
    {
        var statement = database.Prepare(sql);
        if (!statement.IsReadOnly)
            _writes.Add(statement.Use);
        return rows;
    }

    internal int Execute(Database database, string sql, IReadOnlyList<object?>? parameters)
    {
        var statement = database.Prepare(sql);
        SqlParameters.Bind(statement, parameters);
        var rows = database.CountRows(statement);
        _writes.Add(statement.Use);
        if (statement.Use.ChangesSchema)
            database.ForgetStatements();
        return rows;
    }

    /// <summary>Commits; afterwards <see cref="Gate"/> tells whether downloads have to wait for an upload.</summary>
    internal bool Commit(Database database)
    {
        Changed = _writes.Collect(database);
        GateReport? gate = Changed.Contains("tg_crud") ? WriteGate.Report(database, _local) : null;
        _local.CommitLocalWrite(database);
        Gate = gate;
        return true;
    }

    internal void End() => _over = true;

    private void Check(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_over)
            throw ClientErrors.TransactionOver();
    }
}

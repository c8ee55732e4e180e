using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using TopGun.Buckets.Client.Ado;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client;

/// <summary>An open write transaction: its reads see its own writes, and its writes are uploaded as one.</summary>
/// <remarks>Usable by one caller at a time, inside the delegate that received it.</remarks>
public sealed class WriteTransaction
{
    private readonly BucketsClient _client;
    private readonly LocalWrites _writes;
    private int _over;

    internal WriteTransaction(BucketsClient client, LocalDatabase local, LocalSchema schema)
    {
        (_client, Local) = (client, local);
        _writes = new LocalWrites(schema);
    }

    internal LocalDatabase Local { get; }

    /// <summary>What it changed; complete once it has committed.</summary>
    internal ChangeSet Changed { get; private set; } = new();

    /// <summary>Whether downloads have to wait for an upload now; null when that has not changed.</summary>
    internal GateReport? Gate { get; private set; }

    internal bool IsOver => Volatile.Read(ref _over) != 0;

    /// <summary>Runs one statement.</summary>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Keeps the statement from starting.</param>
    /// <returns>Rows written, also through views.</returns>
    /// <exception cref="LocalStoreException">SQLite refused it; the transaction is still open.</exception>
    public async Task<int> ExecuteAsync(string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        Check(cancellationToken);
        return await Local.OnWriterAsync(database => Execute(database, sql, parameters));
    }

    /// <summary>Reads rows; see <see cref="BucketsClient.QueryAsync{T}(string, IReadOnlyList{object?}?, CancellationToken)"/>.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        Check(cancellationToken);
        return await Local.OnWriterAsync(database => Query(database, sql, () => QueryRunner.Run<T>(database, sql, parameters)));
    }

    /// <summary>Reads rows with a function of the app's.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(
        string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        Check(cancellationToken);
        return await Local.OnWriterAsync(database => Query(database, sql, () => QueryRunner.Run(database, sql, map, parameters)));
    }

    /// <summary>
    /// This transaction as a connection for Dapper and whatever else builds on ADO.NET. What runs on it is part of the transaction, which still
    /// ends with the delegate.
    /// </summary>
    public DbConnection GetConnection() => new BucketsConnection(_client, this);

    internal int Execute(Database database, string sql, IReadOnlyList<object?>? parameters)
    {
        var statement = Prepare(database, sql);
        if (statement.Tail is not null)
            statement = database.Prepare(sql); // which says that it takes one
        SqlParameters.Bind(statement, parameters);
        return Run(database, statement);
    }

    /// <summary>Compiles the first of the statements, unless it is one that would do harm.</summary>
    internal Statement Prepare(Database database, string sql)
    {
        if (IsOver)
            throw ClientErrors.TransactionOver();
        if (!database.InTransaction)
            throw ClientErrors.RolledBack(); // what ran now would stay, whatever becomes of the rest
        var statement = database.PrepareFirst(sql);
        if (statement.Use.ControlsTransaction)
            throw ClientErrors.TransactionControl();
        return database.FindFatalInsert(statement) is { } view ? throw ClientErrors.ReturningThroughView(view) : statement;
    }

    /// <summary>Runs a bound statement to its end.</summary>
    /// <returns>Rows written.</returns>
    internal int Run(Database database, Statement statement, Action<Statement>? row = null)
    {
        var rows = database.CountRows(statement, row);
        _writes.Add(statement.Use);
        if (statement.Use.ChangesSchema)
            database.ForgetStatements();
        return rows;
    }

    /// <summary>Commits; afterwards <see cref="Gate"/> tells whether downloads have to wait for an upload.</summary>
    internal bool Commit(Database database)
    {
        if (!database.InTransaction)
            throw ClientErrors.RolledBack();
        Changed = _writes.Collect(database);
        GateReport? gate = Changed.Contains("tg_crud") ? WriteGate.Report(database, Local) : null;
        Local.CommitLocalWrite(database);
        Gate = gate;
        return true;
    }

    /// <returns>False when it had ended before.</returns>
    internal bool TryEnd() => Interlocked.Exchange(ref _over, 1) == 0;

    /// <summary>A statement with <c>RETURNING</c> writes too.</summary>
    private T Query<T>(Database database, string sql, Func<T> run)
    {
        Prepare(database, sql);
        var rows = run();
        var statement = database.Prepare(sql);
        if (!statement.IsReadOnly)
            _writes.Add(statement.Use);
        return rows;
    }

    private void Check(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (IsOver)
            throw ClientErrors.TransactionOver();
    }
}

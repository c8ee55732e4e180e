using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>
/// Random transactions, with the table of todos read again and again beside them, and sometimes continuity lost; processes die at random writes.
/// </summary>
/// <remarks>
/// A part of the table is all rows whose key falls into it, as of any moment between the start of the refresh and its delivery, as the source gives it:
/// whatever it reads for a process comes behind everything that an earlier one has seen.
/// </remarks>
internal sealed class RefreshScript : IMissingRows
{
    private const int Parts = 3;

    private readonly List<TransactionCommitted> _transactions = [];
    private readonly List<string?[][]> _states = [[]]; // the table after so many transactions
    private readonly Random _random;
    private int _delivered; // transactions delivered to any process so far
    private int _next; // and to this one

    public RefreshScript(int seed, int transactions)
    {
        _random = new Random(seed);
        var source = new RandomSource(seed);
        for (var count = 0; count < transactions; count++)
        {
            _transactions.AddRange(source.Make(1));
            _states.Add([.. source.Todos]);
        }
    }

    /// <summary>What the bucket of everything holds in the end.</summary>
    public string[] Expected =>
        [.. _states[^1].Where(row => row[2] != "hidden").Select(row => $"{row[0]} {row[2]}").Order(StringComparer.Ordinal)];

    public async Task RunAsync(IColdStorage disk, Random crashes, SortedDictionary<ulong, string> seen)
    {
        await using (var first = await OpenFollowingAsync(disk, Options))
        {
            await first.AppendAsync(new RefreshStarted(State(done: true, tables: Progress(0, done: true)), []));
            await first.FlushAsync();
        }
        for (var life = 0; ; life++)
        {
            var isLast = life == 15;
            var lastWrite = isLast ? int.MaxValue : crashes.Next(1, 12);
            var fault = crashes.Next(2) == 0 ? StoreFault.CrashBefore : StoreFault.CrashAfter;
            await using var storage = new FaultyColdStorage(disk, write => write >= lastWrite ? fault : StoreFault.None);
            var isDone = false;
            LogFixture? fixture = null;
            try
            {
                fixture = await OpenAsync(storage, Options, missing: this);
                await FollowAsync(fixture, seen);
                isDone = true;
            }
            catch (Exception failure) when (failure is LogStoppedException or IOException)
            {
                Assert.True(storage.Crashed.IsCompleted, failure.ToString());
            }
            if (fixture is not null)
                await fixture.Log.AbandonAsync();
            if (isDone)
                return;
        }
    }

    public ValueTask<Lsn> ReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        var found = keys.Select(key => _states[_next].FirstOrDefault(row => row[0] == key[0])).OfType<string?[]>();
        rows.Clear(table.Columns.Count);
        foreach (var value in found.SelectMany(row => row))
            rows.Add(value is null ? SourceValueKind.Null : SourceValueKind.Text, System.Text.Encoding.UTF8.GetBytes(value ?? ""));
        return ValueTask.FromResult(Lsn.None); // nothing of the future: the stream has been delivered up to here
    }

    public ValueTask<Lsn> ReadPositionAsync(CancellationToken cancellationToken) => ValueTask.FromResult(Lsn.None);

    private static BucketLogOptions Options => new() { GroupCommitDelay = TimeSpan.Zero };

    private static TableProgress Progress(int attempt, bool done, int parts = 0, bool isStaged = false) => new(
        Todos.RelationId, "public", "todos", done, LastKey: null, RowCount: 0) { Attempt = attempt, NextBlock = parts, IsStaged = isStaged };

    private async Task FollowAsync(LogFixture fixture, SortedDictionary<ulong, string> seen)
    {
        var state = fixture.Start.State!;
        _next = _transactions.FindIndex(one => one.Transaction.EndPosition > fixture.Start.Position);
        _next = _next < 0 ? _transactions.Count : _next;
        var started = state.Tables[0].IsStaged ? (int)state.Tables[0].EndBlock : 0;
        while (true)
        {
            var table = state.Tables[0];
            if (table is { IsStaged: true, Done: true })
            {
                await AppendAsync(new RefreshEnded(With(Progress(table.Attempt, done: true)), [table.RelationId], []));
            }
            else if (table.IsStaged && _next >= _delivered && (_random.Next(3) == 0 || _next == _transactions.Count))
            {
                var part = (int)table.NextBlock;
                var moment = _states[_random.Next(started, _next + 1)];
                var read = Progress(table.Attempt, done: part + 1 == Parts, part + 1, isStaged: true) with { EndBlock = started };
                var rows = moment.Where(row => row[0]!.Sum(letter => letter) % Parts == part).ToArray();
                await AppendAsync(new RefreshRows(With(read), Todos, Rows(Todos, rows)));
            }
            else if (!table.IsStaged && _next >= _delivered && _random.Next(8) == 0 && _next < _transactions.Count)
            {
                started = _next;
                await AppendAsync(new RefreshStarted(
                    With(Progress(table.Attempt + 1, done: false, isStaged: true) with { EndBlock = started }), [new RefreshedTable(Todos, Replaces: 0)]));
            }
            else if (_next < _transactions.Count)
            {
                _delivered = Math.Max(_delivered, _next + 1);
                await DeliverAsync(_transactions[_next++]);
            }
            else
            {
                await fixture.FlushAsync();
                return;
            }
        }

        ReplicationState With(TableProgress table) => State(done: true, tables: table);

        async Task DeliverAsync(TransactionCommitted committed)
        {
            var table = state.Tables[0];
            var truncates = table.IsStaged && Truncates(committed.Transaction);
            if (truncates)
                started = _next;
            await AppendAsync(truncates
                ? committed with { State = With(Progress(table.Attempt + 1, done: false, isStaged: true) with { EndBlock = started }) }
                : committed);
        }

        async Task AppendAsync(SourceEvent sourceEvent)
        {
            await fixture.AppendAsync(sourceEvent);
            state = sourceEvent.State ?? state;
            foreach (var (opId, content) in fixture.Seen.Contents)
            {
                // What is hidden nobody has seen: it may come again otherwise.
                if (opId <= fixture.Seen.Visible?.LastOpId.Value && !seen.TryAdd(opId, content))
                    Assert.Equal(seen[opId], content);
            }
            if (_random.Next(3) == 0)
                await fixture.FlushAsync();
        }
    }

    private static bool Truncates(SourceTransaction transaction)
    {
        var reader = transaction.ReadChanges();
        while (reader.Read())
        {
            if (reader.Kind == RowChangeKind.Truncate)
                return true;
        }
        return false;
    }
}

using System.Globalization;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>One user of the application who writes straight to the source: transactions of several rows, interleaved with those of others.</summary>
internal sealed class SourceWriter(SimPostgres source, SimRandom random, WorkloadShape shape, int firstNumber)
{
    private int _counter = firstNumber;

    /// <summary>Writes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await source.Loop.Delay(random.LogBetween(shape.ShortestPause, shape.LongestPause), "writer", cancellationToken);
            if (!source.IsDown)
                await WriteAsync(random.Between(1, shape.LargestTransaction), cancellationToken);
        }
    }

    /// <summary>Commits one transaction, unless it meets another one's lock or changes its mind.</summary>
    public async Task WriteAsync(int changes, CancellationToken cancellationToken)
    {
        var transaction = source.Begin();
        try
        {
            for (var change = 0; change < changes; change++)
            {
                Change(transaction);
                if (random.Chance(0.2))
                    await source.Loop.Delay(random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(50)), "writer", cancellationToken);
                if (!transaction.IsOpen)
                    return; // the server went down under it
            }
            if (random.Chance(0.05))
                transaction.Rollback();
            else
                transaction.Commit();
        }
        catch (Exception exception) when (exception is SimConflictException or OperationCanceledException)
        {
            transaction.Rollback();
        }
    }

    private void Change(SimTransaction transaction)
    {
        if (random.Chance(0.1))
            source.AppendNoise();
        switch (random.Below(100))
        {
            case < 22 when transaction.State.Rows(TodoApp.Todos.Name).Count >= shape.Rows:
                Delete(transaction, TodoApp.Todos);
                break;
            case < 22:
                transaction.Insert(TodoApp.Todos, SimRow.Of(
                    NewId("t"), AnyList(), Word("title"), random.Chance(0.5) ? LongText() : null, random.Chance(0.5) ? "t" : "f", Number()));
                break;
            case < 46:
                ChangeTodo(transaction);
                break;
            case < 58:
                Delete(transaction, TodoApp.Todos);
                break;
            case < 64:
                // A row's key changes, sometimes onto one that has just been freed.
                if (AnyKey(transaction, TodoApp.Todos) is { } renamed)
                    transaction.Update(TodoApp.Todos, renamed, row => row.With(0, random.Chance(0.5) ? NewId("t") : SmallId("t")));
                break;
            case < 72:
                transaction.Insert(TodoApp.Lists, SimRow.Of(AnyList(), AnyUser(), Word("name"), Number()));
                break;
            case < 80:
                if (AnyKey(transaction, TodoApp.Lists) is { } list)
                    transaction.Update(TodoApp.Lists, list, row => random.Chance(0.5) ? row.With(1, AnyUser()) : row.With(3, Number()));
                break;
            case < 82:
                Delete(transaction, TodoApp.Lists);
                break;
            case < 89:
                transaction.Insert(TodoApp.Members, SimRow.Of(AnyList(), AnyUser()));
                break;
            case < 94:
                Delete(transaction, TodoApp.Members);
                break;
            case < 99:
                ChangeNotice(transaction);
                break;
            default:
                if (random.Chance(shape.Truncates))
                    transaction.Truncate(random.Chance(0.5) ? [TodoApp.Notices] : [TodoApp.Todos, TodoApp.Notices]);
                break;
        }
    }

    private void ChangeTodo(SimTransaction transaction)
    {
        if (AnyKey(transaction, TodoApp.Todos) is not { } key)
            return;
        transaction.Update(TodoApp.Todos, key, row => random.Below(5) switch
        {
            0 => row.With(1, random.Chance(0.1) ? null : AnyList()), // moves to another bucket, its note unchanged
            1 => row.With(3, random.Chance(0.7) ? LongText() : null),
            2 => row.With(4, row[4] == "t" ? "f" : "t"),
            3 => row, // changes nothing
            _ => row.With(2, Word("title")).With(5, Number()),
        });
    }

    private void ChangeNotice(SimTransaction transaction)
    {
        var key = AnyKey(transaction, TodoApp.Notices);
        if (key is null || random.Chance(0.4))
            transaction.Insert(TodoApp.Notices, SimRow.Of(SmallId("n"), LongText()));
        else if (random.Chance(0.5))
            transaction.Update(TodoApp.Notices, key, row => random.Chance(0.3) ? row.With(0, SmallId("n")) : row.With(1, Word("body")));
        else
            transaction.Delete(TodoApp.Notices, key);
    }

    private void Delete(SimTransaction transaction, SimTable table)
    {
        if (AnyKey(transaction, table) is { } key)
            transaction.Delete(table, key);
    }

    private string? AnyKey(SimTransaction transaction, SimTable table)
    {
        var rows = transaction.State.Rows(table.Name);
        return rows.Count == 0 ? null : rows.Keys.ElementAt(random.Below(rows.Count));
    }

    private string AnyList() => string.Create(CultureInfo.InvariantCulture, $"list-{random.Below(shape.Lists)}");

    private string AnyUser() => string.Create(CultureInfo.InvariantCulture, $"user-{random.Below(shape.Users)}");

    private string NewId(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{random.NextUInt64() % 1_000_000:D6}");

    private string SmallId(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{random.Below(6)}");

    private string Word(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind} \"{_counter++}\" \\ ü{(random.Chance(0.1) ? "\n" : "")}");

    private string LongText() => string.Create(CultureInfo.InvariantCulture, $"{_counter++} ") + new string('x', SimTable.ToastLength);

    private string Number() => random.Chance(0.05)
        ? long.MaxValue.ToString(CultureInfo.InvariantCulture)
        : random.Below(1000).ToString(CultureInfo.InvariantCulture);
}

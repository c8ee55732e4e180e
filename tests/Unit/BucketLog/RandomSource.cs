using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A small source database that makes random, valid transactions, and knows what it holds after each.</summary>
internal sealed class RandomSource(int seed)
{
    private const string Unchanged = ScriptedTransaction.Unchanged;

    private readonly Random _random = new(seed);
    private readonly SortedDictionary<string, string?[]> _todos = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string?[]> _lists = new(StringComparer.Ordinal);
    private ulong _position;

    /// <summary>Rows as they are after the last transaction made.</summary>
    public IReadOnlyCollection<string?[]> Todos => _todos.Values;

    public IReadOnlyCollection<string?[]> Lists => _lists.Values;

    public IReadOnlyList<TransactionCommitted> Make(int count)
    {
        List<TransactionCommitted> transactions = [];
        for (; count > 0; count--)
            transactions.Add(new TransactionCommitted(null, Next()));
        return transactions;
    }

    private ScriptedTransaction Next()
    {
        _position += 10 + (ulong)_random.Next(1000);
        List<ScriptedTransaction.Change> changes = [];
        for (var count = _random.Next(6); count > 0; count--)
            changes.Add(Change());
        WriteCheckpointMarker[] markers = _random.Next(5) == 0 ? [new("user", _position)] : [];
        return new ScriptedTransaction(_position, markers, [.. changes]);
    }

    private ScriptedTransaction.Change Change()
    {
        switch (_random.Next(20))
        {
            case 0:
                _todos.Clear();
                return ScriptedTransaction.Truncate(LogFixture.Todos);
            case 1 or 2 or 3:
                return List();
            case < 8 when _todos.Count > 0:
                var gone = Any(_todos);
                _todos.Remove(gone);
                return ScriptedTransaction.Delete(LogFixture.Todos, gone);
            case < 11 when _todos.Count > 0:
                return Rename();
            default:
                return Todo();
        }
    }

    private ScriptedTransaction.Change Todo()
    {
        var id = $"{_random.Next(20)}";
        string?[] row = [id, $"list{_random.Next(4)}", _random.Next(5) == 0 ? "hidden" : $"text {_random.Next(3)}", Large()];
        if (!_todos.TryGetValue(id, out var stored))
        {
            _todos[id] = row;
            return ScriptedTransaction.Insert(LogFixture.Todos, row);
        }
        if (_random.Next(2) == 0)
        {
            _todos[id] = [row[0], row[1], row[2], stored[3]];
            row[3] = Unchanged;
        }
        else
        {
            _todos[id] = row;
        }
        return ScriptedTransaction.Update(LogFixture.Todos, row);
    }

    private ScriptedTransaction.Change Rename()
    {
        var from = Any(_todos);
        var to = $"{20 + _random.Next(20)}";
        if (_todos.Remove(to))
            return ScriptedTransaction.Delete(LogFixture.Todos, to);
        var stored = _todos[from];
        _todos.Remove(from);
        _todos[to] = [to, stored[1], stored[2], stored[3]];
        return ScriptedTransaction.UpdateKey(LogFixture.Todos, [from], to, stored[1], stored[2], Unchanged);
    }

    private ScriptedTransaction.Change List()
    {
        var id = $"list{_random.Next(4)}";
        if (_random.Next(3) == 0 && _lists.Remove(id))
            return ScriptedTransaction.Delete(LogFixture.Lists, id);
        string?[] row = [id, $"owner{_random.Next(3)}"];
        var isNew = !_lists.ContainsKey(id);
        _lists[id] = row;
        return isNew ? ScriptedTransaction.Insert(LogFixture.Lists, row) : ScriptedTransaction.Update(LogFixture.Lists, row);
    }

    private string? Large() => _random.Next(4) == 0 ? null : new string((char)('a' + _random.Next(4)), 1 + _random.Next(30));

    private string Any(SortedDictionary<string, string?[]> rows) => rows.Keys.ElementAt(_random.Next(rows.Count));
}

using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>Chooses how to make values of a statement's rows.</summary>
internal delegate Func<Statement, T> RowMaking<out T>(Statement statement);

/// <summary>One row of a live query's result.</summary>
/// <param name="Key">Tells which row it is.</param>
/// <param name="Hash">Tells what is in it.</param>
/// <param name="Value">What was made of it.</param>
internal readonly record struct LiveRow<T>(ulong Key, ulong Hash, T Value);

/// <summary>A query that is run again and again. Rows that have not changed keep the object that was made of them.</summary>
/// <remarks>Rows are known by their column <c>id</c>; without one, by all they hold. One run at a time.</remarks>
internal sealed class LiveQuery<T>(string sql, IReadOnlyList<object?>? parameters, RowMaking<T> making, LocalSchema schema)
{
    private List<LiveRow<T>> _before = [];
    private List<LiveRow<T>> _now = [];
    private Dictionary<ulong, int> _placesBefore = [];
    private Dictionary<ulong, int> _places = [];
    private QueryDependencies? _dependencies;
    private TableUse? _use;
    private int _runs;

    /// <summary>Whether the next run may give another result. Safe to ask from any thread.</summary>
    public bool IsAffectedBy(ChangeSet changes) => Volatile.Read(ref _dependencies)?.AreAffectedBy(changes) ?? true;

    /// <summary>Reads the rows anew.</summary>
    /// <returns>Whether they differ from those of the run before; true for the first.</returns>
    public bool Run(Database database)
    {
        (_before, _now) = (_now, _before);
        (_placesBefore, _places) = (_places, _placesBefore);
        _now.Clear();
        _places.Clear();
        Resolve(database);
        var differs = Read(database) || _before.Count != _now.Count;
        return _runs++ == 0 || differs;
    }

    public IReadOnlyList<T> Rows()
    {
        var rows = new T[_now.Count];
        for (var index = 0; index < rows.Length; index++)
            rows[index] = _now[index].Value;
        return rows;
    }

    /// <summary>What turns the rows of the run before into those of the last one.</summary>
    public IReadOnlyList<ListChange<T>> Changes() =>
        _runs == 1 ? ListDiff<T>.Reset() : new ListDiff<T>(_before, _placesBefore, _now, _places).Changes();

    /// <summary>Finds out what the result depends on, unless the statement is the one of the run before.</summary>
    private void Resolve(Database database)
    {
        var use = database.Prepare(sql).Use;
        if (ReferenceEquals(use, _use))
            return;
        Volatile.Write(ref _dependencies, QueryDependencies.Of(database, sql, parameters, schema));
        _use = use;
    }

    private bool Read(Database database)
    {
        var statement = database.Prepare(sql);
        SqlParameters.Bind(statement, parameters);
        var keyColumn = KeyColumn(statement);
        var make = making(statement);
        var differs = false;
        try
        {
            while (statement.Step())
            {
                var hash = RowHash.Of(statement);
                var key = keyColumn < 0 ? hash : RowHash.Of(statement, keyColumn);
                var index = _now.Count;
                while (!_places.TryAdd(key, index))
                    key = RowHash.Next(key);
                var isKnown = _placesBefore.TryGetValue(key, out var place) && _before[place].Hash == hash;
                differs |= !isKnown || place != index;
                _now.Add(new LiveRow<T>(key, hash, isKnown ? _before[place].Value : make(statement)));
            }
            return differs;
        }
        catch
        {
            statement.Reset();
            throw;
        }
    }

    private static int KeyColumn(Statement statement)
    {
        for (var column = 0; column < statement.ColumnCount; column++)
        {
            if (statement.ColumnName(column).Equals("id", StringComparison.OrdinalIgnoreCase))
                return column;
        }
        return -1;
    }
}

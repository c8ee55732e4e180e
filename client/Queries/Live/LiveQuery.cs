using System.Buffers;
using System.Text.Json;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>Chooses how to make values of a statement's rows.</summary>
internal delegate Func<Statement, T> RowMaking<out T>(Statement statement);

/// <summary>One row of a live query's result.</summary>
/// <param name="Key">Tells which row it is.</param>
/// <param name="Hash">Tells what is in it.</param>
/// <param name="Order">Tells what decides about its place, where that is known.</param>
/// <param name="Value">What was made of it.</param>
internal readonly record struct LiveRow<T>(ulong Key, ulong Hash, ulong Order, T Value);

/// <summary>A query that is run again and again. Rows that have not changed keep the object that was made of them.</summary>
/// <remarks>
/// Rows are known by their column <c>id</c>; without one, by all they hold. One run at a time. Where every row of the result is one row of a
/// table, and it is known which have changed, only these are read.
/// </remarks>
internal sealed class LiveQuery<T>(string sql, IReadOnlyList<object?>? parameters, RowMaking<T> making, LocalSchema schema)
{
    private readonly Lock _gate = new();
    private List<LiveRow<T>> _before = [];
    private List<LiveRow<T>> _now = [];
    private Dictionary<ulong, int> _placesBefore = [];
    private Dictionary<ulong, int> _places = [];
    private QueryDependencies? _dependencies;
    private RowwiseQuery? _rowwise;
    private TableUse? _use;
    private HashSet<string>? _changedIds = [];
    private List<ListChange<T>>? _replacements;
    private volatile bool _schemaDiffers;
    private int _runs;

    /// <summary>The only rows that it can read; null when it may read any.</summary>
    public RowPins? Pins => _dependencies?.Pins;

    /// <summary>Whether the next run may give another result. Safe to ask from any thread.</summary>
    public bool IsAffectedBy(ChangeSet changes) => Volatile.Read(ref _dependencies)?.AreAffectedBy(changes) ?? true;

    /// <summary>As <see cref="IsAffectedBy"/>, and remembers for the next run which rows have changed.</summary>
    public bool Note(ChangeSet changes)
    {
        var dependencies = Volatile.Read(ref _dependencies);
        if (dependencies?.AreAffectedBy(changes) == false)
            return false;
        _schemaDiffers |= changes.Schema;
        lock (_gate)
        {
            if (dependencies?.RowsIn(changes) is { } ids)
                _changedIds?.UnionWith(ids);
            else
                _changedIds = null;
            if (_changedIds?.Count > ChangeSet.MaximumIds)
                _changedIds = null;
        }
        return true;
    }

    /// <summary>The rows that were noted since the last time; null when any may have changed.</summary>
    public IReadOnlySet<string>? TakeChangedRows()
    {
        lock (_gate)
        {
            var taken = _changedIds;
            _changedIds = [];
            return taken;
        }
    }

    /// <summary>Reads the rows anew.</summary>
    /// <returns>Whether they differ from those of the run before; true for the first.</returns>
    public bool Run(Database database) => Run(database, changedRows: null);

    /// <summary>Reads the rows anew, or just those that have changed.</summary>
    /// <param name="database">What to read from.</param>
    /// <param name="changedRows">The only rows of which it may hold something else than at the run before; null when any may.</param>
    /// <returns>Whether the result differs from the one of the run before; true for the first.</returns>
    public bool Run(Database database, IReadOnlySet<string>? changedRows)
    {
        var isSame = Resolve(database);
        if (isSame && changedRows is not null && _rowwise is not null && _runs > 0 && ReadChanged(database, _rowwise, changedRows) is { } replacements)
        {
            _runs++;
            _replacements = replacements;
            return replacements.Count > 0;
        }
        _replacements = null;
        (_before, _now) = (_now, _before);
        (_placesBefore, _places) = (_places, _placesBefore);
        _now.Clear();
        _places.Clear();
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
    public IReadOnlyList<ListChange<T>> Changes()
    {
        if (_runs == 1)
            return ListDiff<T>.Reset();
        return _replacements ?? new ListDiff<T>(_before, _placesBefore, _now, _places).Changes();
    }

    /// <summary>Finds out what the result depends on, unless the statement is the one of the run before.</summary>
    /// <returns>Whether it is.</returns>
    private bool Resolve(Database database)
    {
        var statement = database.Prepare(sql);
        var differs = _schemaDiffers;
        _schemaDiffers = false;
        if (ReferenceEquals(statement.Use, _use))
            return true;
        var isSame = _use is not null && !differs && statement.Use.IsSameAs(_use);
        _use = statement.Use;
        if (isSame)
            return true; // of another connection
        Volatile.Write(ref _dependencies, QueryDependencies.Of(database, sql, parameters, schema));
        _rowwise = RowwiseQuery.Find(sql, database.Prepare(sql), schema);
        return false;
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
                _now.Add(new LiveRow<T>(key, hash, Order(statement), isKnown ? _before[place].Value : make(statement)));
            }
            return differs;
        }
        catch
        {
            statement.Reset();
            throw;
        }
    }

    /// <summary>Reads the rows that have changed, and takes them in.</summary>
    /// <returns>The steps; null, and nothing is taken in, when rows have come, gone or moved, whose places only a whole run can tell.</returns>
    private List<ListChange<T>>? ReadChanged(Database database, RowwiseQuery query, IReadOnlySet<string> ids)
    {
        var known = 0;
        foreach (var id in ids)
            known += _places.ContainsKey(RowHash.OfText(id)) ? 1 : 0;
        var statement = database.Prepare(query.Sql);
        SqlParameters.Bind(statement, parameters, further: 1);
        statement.Bind(statement.ParameterCount, Json(ids));
        var make = making(statement);
        var changed = new List<(int Place, LiveRow<T> Row)>();
        try
        {
            while (statement.Step())
            {
                var (key, hash, order) = (RowHash.Of(statement, column: 0), RowHash.Of(statement), Order(statement));
                if (!_places.TryGetValue(key, out var place) || _now[place].Order != order)
                {
                    statement.Reset();
                    return null;
                }
                known--;
                if (_now[place].Hash != hash)
                    changed.Add((place, new LiveRow<T>(key, hash, order, make(statement))));
            }
        }
        catch
        {
            statement.Reset();
            throw;
        }
        return known != 0 || ListDiff<T>.IsTooMuch(changed.Count, _now.Count) ? null : Replace(changed);
    }

    private List<ListChange<T>> Replace(List<(int Place, LiveRow<T> Row)> changed)
    {
        changed.Sort(static (left, right) => left.Place.CompareTo(right.Place));
        var steps = new List<ListChange<T>>(changed.Count);
        foreach (var (place, row) in changed)
        {
            steps.Add(new ListChange<T>(ListChangeKind.Replaced, place, place, row.Value, _now[place].Value));
            _now[place] = row;
        }
        return steps;
    }

    private ulong Order(Statement statement)
    {
        var order = 0UL;
        foreach (var column in _rowwise?.OrderColumns ?? [])
            order = RowHash.Next(order) ^ RowHash.Of(statement, column);
        return order;
    }

    private static byte[] Json(IReadOnlySet<string> ids)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var id in ids)
                writer.WriteStringValue(id);
            writer.WriteEndArray();
        }
        return json.WrittenSpan.ToArray();
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

using System.Globalization;

namespace TopGun.Buckets.Tests.EndToEnd.AtRandom;

/// <summary>How the rows of a table are told apart.</summary>
internal enum RandomIdentity
{
    TextKey,
    IntegerKey,
    KeyOfTwo,
    Index,
    FullWithKey,
    FullWithoutKey,
    Partitions,
}

/// <summary>A table with an id, an owner, a group, and columns of any type, and the statements that change it.</summary>
internal sealed class RandomTable
{
    private readonly Random _random;
    private readonly List<RandomColumn> _columns;
    private int _ids;
    private int _added;

    public RandomTable(string name, RandomIdentity identity, Random random)
    {
        _random = random;
        Name = name;
        Identity = identity;
        IsByOwner = random.Next(3) > 0;
        IsByGroup = !IsByOwner || random.Next(2) == 0;
        _columns =
        [
            RandomColumn.Text("owner", one => one.Next(5) == 0 ? "'nobody'" : one.Next(2) == 0 ? "'ann'" : "'bob'"),
            RandomColumn.Integer("grp", one => one.Next(4)),
            RandomColumn.Large("large"),
        ];
        if (identity is RandomIdentity.KeyOfTwo or RandomIdentity.Partitions)
            _columns.Add(RandomColumn.Integer("part", one => one.Next(20)));
        for (var column = random.Next(1, 5); column > 0; column--)
            _columns.Add(RandomColumn.OfAnyType($"c{column}", random));
    }

    public string Name { get; }

    public RandomIdentity Identity { get; }

    public bool IsByOwner { get; }

    public bool IsByGroup { get; }

    /// <summary>Columns as they are now, with the id.</summary>
    public IReadOnlyList<string> ColumnNames => ["id", .. _columns.Select(column => column.Name)];

    /// <summary>The table as the rules name it: partitions by their own names, under the name of their root.</summary>
    public string InRules => Identity == RandomIdentity.Partitions ? $"\"{Name}_%\" AS {Name}" : Name;

    public string Create()
    {
        var id = Identity == RandomIdentity.IntegerKey ? "id int" : "id text";
        var key = Identity switch
        {
            RandomIdentity.KeyOfTwo or RandomIdentity.Partitions => ", PRIMARY KEY (id, part)",
            RandomIdentity.Index => ", UNIQUE (id)",
            RandomIdentity.FullWithoutKey => "",
            _ => ", PRIMARY KEY (id)",
        };
        var columns = string.Join(", ", _columns.Select(column => $"{column.Name} {column.Type}{(column.Name == "part" ? " NOT NULL" : "")}"));
        var partitions = Identity == RandomIdentity.Partitions ? " PARTITION BY RANGE (part)" : "";
        var after = Identity switch
        {
            RandomIdentity.Index => $"ALTER TABLE {Name} ALTER id SET NOT NULL; ALTER TABLE {Name} REPLICA IDENTITY USING INDEX {Name}_id_key;",
            RandomIdentity.FullWithKey or RandomIdentity.FullWithoutKey => $"ALTER TABLE {Name} REPLICA IDENTITY FULL;",
            RandomIdentity.Partitions =>
                $"CREATE TABLE {Name}_1 PARTITION OF {Name} FOR VALUES FROM (0) TO (10); CREATE TABLE {Name}_2 PARTITION OF {Name} FOR VALUES FROM (10) TO (20);",
            _ => "",
        };
        return $"CREATE TABLE {Name} ({id}, {columns}{key}){partitions}; {after} {ForEach("ALTER TABLE {0} ALTER large SET STORAGE EXTERNAL;")}";
    }

    /// <summary>One change of some rows.</summary>
    public string Change() => _random.Next(14) switch
    {
        < 4 => InsertRows(_random.Next(1, 6)),
        < 7 => $"UPDATE {Name} SET {SomeValues()} WHERE {SomeRows(_random.Next(1, 4))}",
        7 => $"UPDATE {Name} SET id = {NewId()} WHERE {SomeRows(1)}",
        8 => SwapIds(),
        9 => $"DELETE FROM {Name} WHERE {SomeRows(_random.Next(1, 3))}",
        10 => $"UPDATE {Name} SET owner = owner WHERE {SomeRows(3)}",
        11 => $"SAVEPOINT before; {InsertRows(3)}; DELETE FROM {Name} WHERE {SomeRows(2)}; ROLLBACK TO before",
        12 => DeleteAndInsertAgain(),
        _ => _random.Next(5) switch
        {
            0 => $"TRUNCATE {Name}",
            1 => InsertRows(150),
            _ => $"UPDATE {Name} SET owner = 'ann', grp = {_random.Next(4)}",
        },
    };

    /// <summary>Adds a column in which every row has null: the stream tells.</summary>
    public string AddEmptyColumn()
    {
        var column = RandomColumn.OfAnyType($"added{++_added}", _random);
        _columns.Add(column);
        return $"ALTER TABLE {Name} ADD {column.Name} {column.Type}";
    }

    /// <summary>Changes every row, and the stream says nothing.</summary>
    public string ChangeSilently()
    {
        switch (_random.Next(4))
        {
            case 0:
                _columns.Add(RandomColumn.Integer($"added{++_added}", one => one.Next(100)));
                return $"ALTER TABLE {Name} ADD {_columns[^1].Name} int DEFAULT {_random.Next(100)}";
            case 1 when _columns.FindIndex(column => column.Name[0] is 'c' or 'a' && column.Type == "int") is >= 0 and var index:
                return $"ALTER TABLE {Name} ALTER {_columns[index].Name} TYPE int USING {_columns[index].Name} + 1";
            case 2 when _columns.FindIndex(column => column.Name[0] is 'c') is >= 0 and var index:
                var before = _columns[index].Name;
                _columns[index] = _columns[index] with { Name = $"c_renamed{++_added}" };
                return $"ALTER TABLE {Name} RENAME {before} TO {_columns[index].Name}";
            default:
                _columns.Add(RandomColumn.Text($"added{++_added}", one => $"'t{one.Next(9)}'"));
                return $"ALTER TABLE {Name} ADD {_columns[^1].Name} text DEFAULT 'same for all'";
        }
    }

    /// <summary>New rows.</summary>
    public string InsertRows(int count) => string.Join("; ", Enumerable.Range(0, count).Select(_ => InsertOne(NewId())));

    /// <summary>SQL for the rows that a user gets, each as one text; a column that is null is left out.</summary>
    public string ShownTo(string user)
    {
        List<string> gets = [];
        if (IsByOwner)
            gets.Add($"owner = '{user}'");
        if (IsByGroup)
            gets.Add($"grp IN (SELECT grp FROM members WHERE user_id = '{user}')");
        var columns = string.Join(", ", _columns.OrderBy(column => column.Name, StringComparer.Ordinal).Select(column =>
            $"CASE WHEN {column.Name} IS NOT NULL THEN '{column.Name}=' || {string.Format(CultureInfo.InvariantCulture, column.Shown, column.Name)} END"));
        return $"SELECT concat_ws('|', '{Name}/' || id, {columns}) FROM {Name} WHERE {string.Join(" OR ", gets)}";
    }

    private string InsertOne(string id) =>
        $"INSERT INTO {Name} ({string.Join(", ", ColumnNames)}) VALUES ({id}, {string.Join(", ", _columns.Select(ValueOf))})";

    private string DeleteAndInsertAgain()
    {
        var id = NewId();
        return $"{InsertOne(id)}; DELETE FROM {Name} WHERE id = {id}; {InsertOne(id)}";
    }

    // With a third id in between: a key is checked at every step.
    private string SwapIds()
    {
        var (one, other, third) = (NewId(), NewId(), NewId());
        return $"{InsertOne(one)}; {InsertOne(other)}; UPDATE {Name} SET id = {third} WHERE id = {one};"
            + $"UPDATE {Name} SET id = {one} WHERE id = {other}; UPDATE {Name} SET id = {other} WHERE id = {third}";
    }

    private string SomeValues()
    {
        var column = _columns[_random.Next(_columns.Count)];
        var other = _columns[_random.Next(_columns.Count)];
        return column == other
            ? $"{column.Name} = {ValueOf(column)}"
            : $"{column.Name} = {ValueOf(column)}, {other.Name} = {ValueOf(other)}";
    }

    private string ValueOf(RandomColumn column) =>
        column.Name is "owner" or "grp" or "part" ? column.Value(_random) : column.ValueOrNull(_random);

    private string SomeRows(int count) => string.Create(
        CultureInfo.InvariantCulture, $"id IN (SELECT id FROM {Name} ORDER BY md5(id::text || '{_random.Next()}') LIMIT {count})");

    private string NewId()
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{++_ids}");
        return Identity == RandomIdentity.IntegerKey ? id : $"'{Name}-{id}'";
    }

    private string ForEach(string statement)
    {
        string[] names = Identity == RandomIdentity.Partitions ? [$"{Name}_1", $"{Name}_2"] : [Name];
        return string.Concat(names.Select(name => string.Format(CultureInfo.InvariantCulture, statement, name)));
    }
}

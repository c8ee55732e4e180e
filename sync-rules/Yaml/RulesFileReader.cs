namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>Checks keys and types of a rules file and takes it apart. The config block is in the other part.</summary>
internal sealed partial class RulesFileReader
{
    private static readonly string[] RootKeys = ["config", "bucket_definitions", "streams", "with", "event_definitions"];
    private static readonly string[] DefinitionKeys = ["data", "parameters", "priority", "accept_potentially_dangerous_queries"];
    private static readonly string[] StreamKeys =
        ["query", "queries", "with", "auto_subscribe", "priority", "accept_potentially_dangerous_queries"];

    // Ten times as many as large applications have; compiling them is still a matter of a moment.
    private const int MaxQueries = 2000;

    private readonly Findings _findings;
    private readonly string _source;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private RulesSettings _settings = new();
    private int _queryCount;

    private RulesFileReader(string source, Findings findings)
    {
        _source = source;
        _findings = findings;
    }

    /// <summary>The file's structure, or null when there is none to go on with.</summary>
    public static RulesFile? Read(string source, Findings findings)
    {
        var root = YamlReader.Read(source, findings);
        if (root is null)
            return null;
        if (root is not YamlMap map)
        {
            findings.Error(FindingClass.YamlStructure, root.Place, $"The file must be a mapping with 'bucket_definitions' or 'streams', not {root.Kind}.");
            return null;
        }
        return new RulesFileReader(source, findings).ReadRoot(map);
    }

    private RulesFile? ReadRoot(YamlMap root)
    {
        CheckKeys(root, RootKeys, "the file");
        if (Find(root, "config") is { } config)
            _settings = ReadSettings(config);

        var definitions = new List<BucketDefinitionEntry>();
        var streams = new List<StreamEntry>();
        var ctes = new List<CteEntry>();
        var events = new List<EventEntry>();
        foreach (var (key, value) in root.Entries)
        {
            switch (key.Value)
            {
                case "bucket_definitions" when _settings.Edition == 3:
                    Structure(key, "Edition 3 has streams only; 'bucket_definitions' needs edition 1 or 2.");
                    break;
                case "bucket_definitions":
                    ReadEntries(value, (name, node) => AddTo(definitions, ReadDefinition(name, node)));
                    break;
                case "streams" when _settings.Edition == 1:
                    Structure(key, "Streams need edition 2 or 3; set 'edition' in 'config'.");
                    break;
                case "streams":
                    ReadEntries(value, (name, node) => AddTo(streams, ReadStream(name, node)));
                    break;
                case "with" when _settings.Edition != 3:
                    Structure(key, "'with' needs edition 3.");
                    break;
                case "with":
                    ctes.AddRange(ReadCtes(value));
                    break;
                case "event_definitions":
                    ReadMap(value, (name, node) => AddTo(events, ReadEvent(name, node)));
                    break;
            }
        }
        CheckPresence(root);
        if (_queryCount > MaxQueries)
        {
            Structure(root, $"The file has {_queryCount} queries, more than the {MaxQueries} allowed.");
            return null;
        }
        return new RulesFile(_settings, definitions, streams, ctes, events);
    }

    private void CheckPresence(YamlMap root)
    {
        var hasDefinitions = Find(root, "bucket_definitions") is not null;
        var hasStreams = Find(root, "streams") is not null;
        if (_settings.Edition == 3 && !hasStreams)
            Structure(root.Place, "Edition 3 needs 'streams'.");
        else if (!hasDefinitions && !hasStreams)
            Structure(root.Place, "The file has neither 'bucket_definitions' nor 'streams'.");
    }

    private BucketDefinitionEntry? ReadDefinition(YamlScalar name, YamlNode node)
    {
        if (node is not YamlMap map)
        {
            Structure(node, $"The bucket definition '{name.Value}' must be a mapping with 'data', not {node.Kind}.");
            return null;
        }
        CheckKeys(map, DefinitionKeys, "a bucket definition");
        var data = Find(map, "data");
        if (data is null)
            Structure(name, $"The bucket definition '{name.Value}' has no 'data'.");
        return new BucketDefinitionEntry(
            name.Value,
            name.Place,
            Find(map, "parameters") is { } parameters ? ReadParameters(parameters) : [],
            data is null ? [] : ReadDataQueries(data),
            Find(map, "priority") is { } priority ? ReadPriority(priority) : null,
            ReadBoolean(map, "accept_potentially_dangerous_queries"));
    }

    private StreamEntry? ReadStream(YamlScalar name, YamlNode node)
    {
        if (node is not YamlMap map)
        {
            Structure(node, $"The stream '{name.Value}' must be a mapping with 'query', not {node.Kind}.");
            return null;
        }
        CheckKeys(map, StreamKeys, "a stream");
        foreach (var (key, _) in map.Entries)
        {
            if (key.Value is "queries" or "with" && _settings.Edition < 3)
                Structure(key, $"'{key.Value}' needs edition 3.");
        }
        var query = Find(map, "query");
        var queries = Find(map, "queries");
        if (query is null == queries is null)
            Structure(name, $"The stream '{name.Value}' needs exactly one of 'query' and 'queries'.");
        if (queries is YamlList { Items.Count: 0 })
            Structure(queries, $"The stream '{name.Value}' needs at least one query.");
        return new StreamEntry(
            name.Value,
            name.Place,
            query is not null ? ReadDataQuery(query) is { } only ? [only] : [] : queries is null ? [] : ReadDataQueries(queries),
            Find(map, "with") is { } with ? ReadCtes(with) : [],
            ReadBoolean(map, "auto_subscribe"),
            Find(map, "priority") is { } priority ? ReadPriority(priority) ?? DefaultPriority : DefaultPriority,
            ReadBoolean(map, "accept_potentially_dangerous_queries"));
    }

    private EventEntry? ReadEvent(YamlScalar name, YamlNode node)
    {
        if (node is not YamlMap map)
        {
            Structure(node, $"The event '{name.Value}' must be a mapping with 'payloads', not {node.Kind}.");
            return null;
        }
        CheckKeys(map, ["payloads"], "an event definition");
        if (Find(map, "payloads") is { } payloads)
            return new EventEntry(name.Value, ReadQueries(payloads, allowsSingle: false));
        Structure(name, $"The event '{name.Value}' has no 'payloads'.");
        return null;
    }

    private List<CteEntry> ReadCtes(YamlNode node)
    {
        var ctes = new List<CteEntry>();
        ReadMap(node, (name, value) =>
        {
            if (ReadQuery(value) is { } query)
                ctes.Add(new CteEntry(name.Value, name.Place, query));
        });
        return ctes;
    }

    private void ReadEntries(YamlNode node, Action<YamlScalar, YamlNode> read) => ReadMap(node, (name, value) =>
    {
        if (!_names.Add(name.Value))
            Structure(name, $"The name '{name.Value}' is used twice.");
        read(name, value);
    });

    private void ReadMap(YamlNode node, Action<YamlScalar, YamlNode> read)
    {
        if (node is not YamlMap map)
        {
            Structure(node, $"Expected a mapping of names, found {node.Kind}.");
            return;
        }
        foreach (var (key, value) in map.Entries)
            read(key, value);
    }

    private List<QueryText> ReadQueries(YamlNode node, bool allowsSingle)
    {
        if (node is YamlList list)
            return [.. list.Items.Select(ReadQuery).OfType<QueryText>()];
        if (allowsSingle && node is YamlScalar)
            return ReadQuery(node) is { } query ? [query] : [];
        Structure(node, $"Expected {(allowsSingle ? "a query or a list" : "a list")} of queries, found {node.Kind}.");
        return [];
    }

    // Without the key everybody gets the bucket; with an empty list the union of no queries would be nobody.
    private List<QueryText> ReadParameters(YamlNode node)
    {
        if (node is YamlList { Items.Count: 0 })
            Structure(node, "'parameters' has no query, so nobody would get a bucket; write one, or remove the key to give the bucket to everyone.");
        return ReadQueries(node, allowsSingle: true);
    }

    private List<DataQueryEntry> ReadDataQueries(YamlNode node)
    {
        if (node is YamlList list)
            return [.. list.Items.Select(ReadDataQuery).OfType<DataQueryEntry>()];
        Structure(node, $"Expected a list of queries, found {node.Kind}.");
        return [];
    }

    // A query alone, or a mapping that also says what the id on the client is made of.
    private DataQueryEntry? ReadDataQuery(YamlNode node)
    {
        if (node is not YamlMap map)
            return ReadQuery(node) is { } only ? new DataQueryEntry(only, []) : null;
        var query = Find(map, "query");
        if (!_settings.QueryKeys)
        {
            if (query is null)
                ReadQuery(node);
            else
                Structure(node, $"Expected a query, found a mapping; one with 'query' and 'key' needs '{QueryKeysKey}: true' under 'config'.");
            return null;
        }
        CheckKeys(map, ["query", "key"], "a query");
        var key = Find(map, "key") is { } columns ? ReadKey(columns) : [];
        if (query is null)
            Structure(node, "The mapping has no 'query'.");
        return query is not null && ReadQuery(query) is { } text ? new DataQueryEntry(text, key) : null;
    }

    private List<KeyColumn> ReadKey(YamlNode node)
    {
        var columns = new List<KeyColumn>();
        foreach (var item in node is YamlList list ? list.Items : [node])
        {
            if (item is not YamlScalar name || (name.Style == YamlScalarStyle.Plain && IsTyped(name.Value)))
                Structure(item, $"'key' must be a column of the query, or a list of them, not {item.Kind}.");
            else if (columns.Exists(column => column.Name == name.Value))
                Structure(item, $"The column '{name.Value}' is named twice.");
            else
                columns.Add(new KeyColumn(name.Value, name.Place));
        }
        if (node is YamlList { Items.Count: 0 })
            Structure(node, "'key' must name at least one column.");
        return columns;
    }

    private QueryText? ReadQuery(YamlNode node)
    {
        _queryCount++;
        if (node is YamlScalar scalar && (scalar.Style != YamlScalarStyle.Plain || !IsTyped(scalar.Value)))
            return new QueryText(scalar, _source);
        // A plain text with a colon and a blank in it reads as a mapping.
        var hint = node is YamlMap { Entries: [(var first, _)] } && first.Value.Contains(' ', StringComparison.Ordinal)
            ? " A query with ': ' in it must be in quotes or a block after '|'."
            : "";
        Structure(node, $"Expected a query, found {node.Kind}.{hint}");
        return null;
    }

    private void CheckKeys(YamlMap map, string[] known, string owner)
    {
        foreach (var (key, _) in map.Entries)
        {
            if (!known.Contains(key.Value))
                Structure(key, $"'{key.Value}' is no key of {owner}.{Suggestion.For(key.Value, known)}");
        }
    }

    private static YamlNode? Find(YamlMap map, string key) =>
        map.Entries.FirstOrDefault(entry => entry.Key.Value == key).Value;

    private static void AddTo<T>(List<T> list, T? item)
        where T : class
    {
        if (item is not null)
            list.Add(item);
    }

    private void Structure(YamlNode node, string message) => Structure(node.Place, message);

    private void Structure(YamlPlace place, string message) => _findings.Error(FindingClass.YamlStructure, place, message);
}

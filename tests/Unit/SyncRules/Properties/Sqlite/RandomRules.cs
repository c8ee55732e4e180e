namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>A random rules file, and for each of its data queries what SQLite should give.</summary>
/// <param name="Yaml">The file.</param>
/// <param name="Queries">As SQLite should read them.</param>
/// <param name="Stream">Name of its stream; null when it has a bucket definition.</param>
/// <param name="IsDefault">Whether requests get it without a subscription.</param>
internal sealed record RandomRules(string Yaml, IReadOnlyList<string> Queries, string? Stream, bool IsDefault)
{
    /// <summary>A bucket definition: parameter queries, and data queries that compare with the parameters.</summary>
    public static RandomRules Definition(Random random)
    {
        var make = new ExpressionGenerator(random, Logic.Editions1And2);
        var functions = (User: "request.user_id()", Token: "(request.jwt() ->> '{0}')");
        string[] names = random.Next(3) == 0 ? ["p", "q"] : ["p"];
        var parameters = Enumerable.Range(0, random.Next(1, 3)).Select(_ => ParameterQuery(random, make, functions, names)).ToList();
        var data = Enumerable.Range(0, random.Next(1, 3)).Select(_ => DataQuery(random, make, parameters, names)).ToList();
        var yaml = $"""
            config: {"{"}edition: {random.Next(1, 3)}, fixed_json_extract: true{"}"}
            bucket_definitions:
              b:
                accept_potentially_dangerous_queries: true
                parameters:
            {Entries(parameters.Select(query => query.Rules))}
                data:
            {Entries(data.Select(query => query.Rules))}

            """;
        return new RandomRules(yaml, [.. data.Select(query => query.Sqlite)], Stream: null, IsDefault: true);
    }

    /// <summary>A bucket definition on the engine of streams.</summary>
    public static RandomRules Extended(Random random)
    {
        string[] names = random.Next(3) == 0 ? ["p", "q"] : ["p"];
        var queries = new ExtendedQueries(random, names);
        var parameters = Enumerable.Range(0, random.Next(1, 3)).Select(_ => queries.ParameterQuery()).ToList();
        var data = Enumerable.Range(0, random.Next(1, 3)).Select(_ => queries.DataQuery(parameters)).ToList();
        var yaml = $"""
            config: {"{"}edition: {random.Next(1, 3)}, fixed_json_extract: true, extended_bucket_definitions: true{"}"}
            bucket_definitions:
              b:
                accept_potentially_dangerous_queries: true
                parameters:
            {Entries(parameters.Select(query => query.Rules))}
                data:
            {Entries(data.Select(query => query.Rules))}

            """;
        return new RandomRules(yaml, [.. data.Select(query => query.Sqlite)], Stream: null, IsDefault: true);
    }

    /// <summary>A stream of edition 3, in the usual logic or in SQLite's.</summary>
    public static RandomRules Stream3(Random random)
    {
        var logic = random.Next(3) == 0 ? Logic.Exact : Logic.Edition3;
        var conditions = new StreamConditions(random, logic);
        var queries = Enumerable.Range(0, random.Next(1, 3)).Select(_ => conditions.Query()).ToList();
        var isDefault = random.Next(2) == 0;
        var yaml = $"""
            config: {"{"}edition: 3, unstable_sqlite_expression_engine: {(logic == Logic.Exact ? "true" : "false")}{"}"}
            with:
              mine: {StreamConditions.Cte.Rules}
            streams:
              s:
                auto_subscribe: {(isDefault ? "true" : "false")}
                accept_potentially_dangerous_queries: true
                queries:
            {Entries(queries.Select(query => query.Rules))}

            """;
        return new RandomRules(yaml, [.. queries.Select(query => query.Sqlite)], "s", isDefault);
    }

    /// <summary>A stream of edition 2: one table, conditions joined by AND and OR, subqueries without OR.</summary>
    public static RandomRules Stream2(Random random)
    {
        var conditions = new StreamConditions(random, Logic.Editions1And2);
        var query = conditions.SimpleQuery();
        var isDefault = random.Next(2) == 0;
        var yaml = $"""
            config: {"{"}edition: 2{"}"}
            streams:
              s:
                auto_subscribe: {(isDefault ? "true" : "false")}
                accept_potentially_dangerous_queries: true
                query: "{query.Rules}"

            """;
        return new RandomRules(yaml, [query.Sqlite], "s", isDefault);
    }

    private static Written ParameterQuery(Random random, ExpressionGenerator make, (string User, string Token) functions, string[] names)
    {
        switch (random.Next(5))
        {
            case 0:
                var values = Written.Join(", ", names.Select(name => Written.Of("{0} AS {1}", make.RequestText(functions), name)));
                return random.Next(2) == 0
                    ? Written.Of("SELECT {0}", values)
                    : Written.Of("SELECT {0} WHERE {1}", values, make.RequestCondition(functions));
            case 1:
                var list = new Written(string.Format(System.Globalization.CultureInfo.InvariantCulture, functions.Token, "list"), "$list");
                return Written.Of("SELECT {0} FROM json_each({1})", Written.Join(", ", names.Select(name => (Written)$"value AS {name}")), list);
            default:
                var outputs = Written.Join(", ", names.Select((name, index) => (Written)$"{(index == 0 ? "a" : "b")} AS {name}"));
                return Written.Of("SELECT {0} FROM u WHERE {1}", outputs, ParameterCondition(random, make, functions));
        }
    }

    private static Written ParameterCondition(Random random, ExpressionGenerator make, (string User, string Token) functions)
    {
        var terms = new List<Written>();
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            terms.Add(random.Next(6) switch
            {
                0 => make.Condition("u", 1),
                1 => make.RequestCondition(functions),
                2 => Written.Of("({0} IN u.j)", "({0} IN (SELECT value FROM json_each(u.j)))", make.RequestText(functions)),
                3 => Written.Of("({0} IN (request.jwt() ->> 'list'))", "({0} IN (SELECT value FROM json_each($list)))", make.Text("u", 1)),
                _ => Written.Of("({0} = {1})", make.Text("u", 1), make.RequestText(functions)),
            });
        }
        return Written.Join(random.Next(4) == 0 ? " OR " : " AND ", terms);
    }

    private static Written DataQuery(Random random, ExpressionGenerator make, List<Written> parameters, string[] names)
    {
        var matches = names.Select((name, index) => random.Next(3) == 0 && index == 0
            ? Written.Of("bucket.{0} IN t.j", "buckets.{0} IN (SELECT value FROM json_each(t.j))", name)
            : Written.Of("{1} = bucket.{0}", "{1} = buckets.{0}", name, random.Next(2) == 0 ? "t.a" : make.Text("t", 1)));
        var conditions = Written.Join(" AND ", random.Next(2) == 0 ? matches : matches.Append(make.Condition("t", 2)));
        var buckets = new Written("", string.Join(" UNION ALL ", parameters.Select(query => query.Sqlite)));
        return Written.Of(
            "SELECT t.id, t.a, t.n, {0} AS extra FROM t WHERE {1}",
            "SELECT t.id, t.a, t.n, {0} AS extra FROM t WHERE EXISTS (SELECT 1 FROM ({2}) AS buckets WHERE {1})",
            make.Text("t", 2), conditions, buckets);
    }

    private static string Entries(IEnumerable<string> queries) => string.Join('\n', queries.Select(query => $"      - \"{query}\""));
}

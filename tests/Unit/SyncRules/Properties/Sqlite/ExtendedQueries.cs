namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>Random queries of extended bucket definitions: joins, aliases, subqueries, and conditions joined by OR.</summary>
/// <remarks>
/// Every joined table has a condition outside of any OR: a table that an alternative does not use is ignored, where SQL would find nothing in an
/// empty one. The rows of the parameter queries are no such table; where there is none, there is nothing.
/// </remarks>
internal sealed class ExtendedQueries(Random random, string[] names)
{
    private static readonly (string User, string Token) Functions = ("request.user_id()", "(request.jwt() ->> '{0}')");

    private readonly ExpressionGenerator _make = new(random, Logic.Editions1And2);

    public Written ParameterQuery()
    {
        var (sources, joined) = random.Next(6) switch
        {
            0 => ((Written)"", (Written?)null),
            1 => (new Written("json_each(request.jwt() ->> 'list') AS u", "(SELECT value AS a, value AS b FROM json_each($list)) AS u"), null),
            2 => ("u JOIN v ON v.a = u.a", null),
            3 => ("v AS x, u", "x.b = u.b AND x.n > 0"),
            _ => ("u", null),
        };
        var isStatic = sources.Rules.Length == 0;
        var isList = sources.Rules.StartsWith("json_each", StringComparison.Ordinal);
        var outputs = names.Select(name => Written.Of(
            "{0} AS {1}", isStatic ? _make.RequestText(Functions) : isList ? new Written("u.value", "u.a") : _make.Text("u", random.Next(2)), name));
        var condition = isStatic || isList
            ? _make.RequestCondition(Functions)
            : _make.Both(random.Next(4) == 0 ? "OR" : "AND", ParameterTerm(), ParameterTerm());
        var where = joined is { } needed ? Written.Of("{0} AND {1}", needed, condition) : condition;
        return Written.Of(isStatic ? "SELECT {0} WHERE {2}" : "SELECT {0} FROM {1} WHERE {2}", Written.Join(", ", outputs), sources, where);
    }

    /// <param name="parameterQueries">Of the definition.</param>
    public Written DataQuery(IEnumerable<Written> parameterQueries)
    {
        var (sources, joined) = random.Next(6) switch
        {
            0 => ((Written)"t JOIN u ON u.a = t.a", (Written?)null),
            1 => ("t, u AS x", $"x.n = t.n AND x.b = bucket.{names[0]}"),
            2 => ("t, json_each(t.j) AS e", $"e.value = bucket.{names[0]}"),
            3 => ("t JOIN u ON u.b = t.b JOIN v ON v.a = u.a AND v.n = t.n", null),
            _ => ("t", null),
        };
        var condition = names.Select(Match).Aggregate(Tree(2), (all, match) => _make.Both(random.Next(3) == 0 ? "OR" : "AND", all, match));
        var where = joined is { } needed ? Written.Of("{0} AND {1}", needed, condition) : condition;
        var buckets = new Written("", string.Join(" UNION ALL ", parameterQueries.Select(query => query.Sqlite)));
        return Written.Of(
            "SELECT t.id, t.a, t.n, {0} AS extra FROM {1} WHERE {2}",
            "SELECT DISTINCT t.id, t.a, t.n, {0} AS extra FROM {1}, ({3}) AS bucket WHERE {2}",
            _make.Text("t", 2), sources, where, buckets);
    }

    private Written ParameterTerm() => random.Next(7) switch
    {
        0 => _make.Condition("u", 1),
        1 => _make.RequestCondition(Functions),
        2 => Written.Of("({0} IN u.j)", "({0} IN (SELECT value FROM json_each(u.j)))", _make.RequestText(Functions)),
        3 => Written.Of("({0} IN (SELECT w.a FROM v AS w WHERE w.b = {1}))", _make.Text("u", 1), _make.RequestText(Functions)),
        _ => Written.Of("({0} = {1})", _make.Text("u", 1), _make.RequestText(Functions)),
    };

    private Written Tree(int depth) =>
        depth == 0 || random.Next(3) == 0 ? Term() : _make.Both(random.Next(2) == 0 ? "OR" : "AND", Tree(depth - 1), Tree(depth - 1));

    private Written Term() => random.Next(6) switch
    {
        0 => Match(names[random.Next(names.Length)]),
        1 => Written.Of("({0} = {1})", _make.Text("t", 1), _make.RequestText(Functions)),
        2 => _make.RequestCondition(Functions),
        _ => _make.Condition("t", 2),
    };

    private Written Match(string name) => random.Next(6) switch
    {
        0 => Written.Of("(bucket.{0} IN t.j)", "(bucket.{0} IN (SELECT value FROM json_each(t.j)))", (Written)name),
        1 => Written.Of("({1} IN (SELECT w.a FROM u AS w WHERE w.b = bucket.{0} AND {2}))", (Written)name, _make.Text("t", 1), _make.Condition("w", 1)),
        2 => Written.Of("(bucket.{0} IN (SELECT w.b FROM v AS w WHERE w.a = t.a))", (Written)name),
        3 => Written.Of(
            "(t.j && (SELECT w.a FROM u AS w WHERE w.b = bucket.{0}))",
            "EXISTS (SELECT 1 FROM json_each(t.j) AS own WHERE own.value IN (SELECT w.a FROM u AS w WHERE w.b = bucket.{0}))",
            (Written)name),
        _ => Written.Of("({1} = bucket.{0})", (Written)name, _make.Text("t", 1)),
    };
}

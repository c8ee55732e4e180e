namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>Random stream queries over the tables <c>t</c>, <c>u</c> and <c>v</c>.</summary>
internal sealed class StreamConditions(Random random, Logic logic)
{
    /// <summary>The named query that every file has.</summary>
    public static readonly Written Cte = new(
        "SELECT u.a AS value FROM u WHERE u.b = auth.user_id()", "SELECT u.a AS value FROM u WHERE u.b = $sub");

    private static readonly (string User, string Token) Functions = ("auth.user_id()", "auth.parameter('{0}')");

    private readonly ExpressionGenerator _make = new(random, logic);

    /// <summary>A query of edition 3.</summary>
    public Written Query()
    {
        var (sources, joined) = From();
        var where = joined is { } condition ? Written.Of("{0} AND {1}", condition, Any(2)) : Any(3);
        return Written.Of(
            "SELECT t.id, t.a, t.n, {0} AS extra FROM {1} WHERE {2}",
            "SELECT DISTINCT t.id, t.a, t.n, {0} AS extra FROM {1} WHERE {2}",
            _make.Text("t", 2), sources, where);
    }

    /// <summary>A query of edition 2: one table, and no subquery that is more than a comparison with the request.</summary>
    public Written SimpleQuery()
    {
        var terms = Enumerable.Range(0, random.Next(1, 4)).Select(_ => SimpleTerm());
        return Written.Of(
            "SELECT t.id, t.a, t.n, {0} AS extra FROM t WHERE {1}", _make.Text("t", 2), Written.Join(random.Next(3) == 0 ? " OR " : " AND ", terms));
    }

    // Each source has a condition outside of any OR: a source that an alternative does not use is ignored, where SQL would find nothing in an empty one.
    private (Written Sources, Written? Condition) From()
    {
        switch (random.Next(6))
        {
            case 0:
                return ("t JOIN u ON t.a = u.a", null);
            case 1:
                return ("t JOIN u ON t.a = u.a JOIN v ON v.b = u.b AND v.id != 'v0'", null);
            case 2:
                return ("t, json_each(t.j) AS e", Written.Of("e.value = {0}", RequestText()));
            case 3:
                var rows = new Written("t, json_each(auth.parameter('list')) AS e", "t, json_each($list) AS e");
                return (rows, Written.Of("{0} = e.value", _make.Text("t", 1)));
            default:
                return ("t", null);
        }
    }

    private Written Any(int depth)
    {
        if (depth == 0 || random.Next(3) == 0)
            return Term();
        return Written.Of(random.Next(3) == 0 ? "({0} OR {1})" : "({0} AND {1})", Any(depth - 1), Any(depth - 1));
    }

    private Written Term() => random.Next(10) switch
    {
        0 => Written.Of("({0} IN mine)", $"({{0}} IN ({Cte.Sqlite}))", _make.Text("t", 1)),
        1 => Written.Of("({0} IN {1})", "({0} IN {1})", _make.Text("t", 1), Subquery(1)),
        2 => Written.Of("({0} IN {1})", RequestText(), Subquery(1)),
        3 => Written.Of("(t.j && {0})", "EXISTS (SELECT 1 FROM json_each(t.j) AS own WHERE own.value IN {0})", Subquery(0)),
        _ => SimpleTerm(subqueries: false),
    };

    private Written SimpleTerm(bool subqueries = true) => random.Next(subqueries ? 9 : 7) switch
    {
        0 or 1 => _make.Condition("t", 2),
        2 => _make.RequestCondition(Functions),
        3 => Written.Of("({0} IN t.j)", "({0} IN (SELECT value FROM json_each(t.j)))", RequestText()),
        4 => Written.Of("({0} IN auth.parameter('list'))", "({0} IN (SELECT value FROM json_each($list)))", _make.Text("t", 1)),
        5 or 6 => Written.Of("({0} = {1})", _make.Text("t", 1), RequestText()),
        7 => Written.Of("({0} IN {1})", _make.Text("t", 1), SimpleSubquery()),
        _ => Written.Of("({0} IN {1})", RequestText(), SimpleSubquery()),
    };

    private Written Subquery(int depth)
    {
        var terms = Enumerable.Range(0, random.Next(1, 3)).Select(_ => random.Next(depth > 0 ? 4 : 3) switch
        {
            0 => _make.Condition("u", 1),
            1 => Written.Of("(u.b = {0})", RequestText()),
            2 => Written.Of("({0} IN u.j)", "({0} IN (SELECT value FROM json_each(u.j)))", RequestText()),
            _ => Written.Of("(u.b IN (SELECT v.a FROM v WHERE v.b = {0}))", RequestText()),
        });
        return Written.Of("(SELECT {0} FROM u WHERE {1})", _make.Text("u", 1), Written.Join(random.Next(4) == 0 ? " OR " : " AND ", terms));
    }

    private Written SimpleSubquery() =>
        Written.Of("(SELECT u.a FROM u WHERE u.b = {0} AND {1})", RequestText(), _make.Condition("u", 1));

    private Written RequestText() => random.Next(5) switch
    {
        0 => new Written("connection.parameter('x')", "$con"),
        1 => new Written("subscription.parameter('x')", "$par"),
        _ => _make.RequestText(Functions),
    };
}

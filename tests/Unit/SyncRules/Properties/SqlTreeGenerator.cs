using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>Random syntax trees: only ones that some text parses to, but all kinds of those, however little sense they make.</summary>
internal sealed class SqlTreeGenerator(Random random)
{
    private static readonly TextSpan Nowhere = new(0, 0);
    private static readonly string[] Plain = ["id", "a", "b_2", "_rev", "owner", "date", "key", "row", "e", "größe", "bucket", "auth"];
    private static readonly string[] Quoted = ["id", "Mixed Case", "select", "q\"uote", "a.b", "%", "x--y", "1st", "/*"];
    private static readonly string[] Reserved = ["order", "user", "select", "end"];
    private static readonly string[] Functions = ["upper", "substring", "left", "right", "json_each", "f"];
    private static readonly string[] Texts = ["", "x", "it's", "''", "$.a.b", "--", "/*", "\\n", "line\nbreak", "é😀", "\"", "1"];
    private static readonly string[] Types = ["text", "integer", "real", "varchar", "double precision", "select"];
    private static readonly double[] Reals = [0, -0.0, 1, 2.5, -2.5, 1e21, 1e-10, 123456789012345680000d, double.MaxValue, double.Epsilon, 0.1];
    private static readonly long[] Integers = [0, 1, -1, 5, 42, long.MaxValue, long.MinValue];

    public SelectSyntax Select(int depth)
    {
        var from = Enumerable.Range(0, random.Next(4)).Select(_ => From(depth)).ToList();
        var joins = from.Count > 1 ? random.Next(from.Count) : 0;
        SqlExpression? where = null;
        for (var term = joins + random.Next(3); term > 0; term--)
            where = where is null ? Expression(depth) : new BinarySyntax(BinaryOperator.And, where, Expression(depth), Nowhere, Nowhere);
        TextSpan? distinct = random.Next(10) == 0 ? Nowhere : null;
        return new SelectSyntax([.. Enumerable.Range(0, random.Next(4)).Select(_ => Item(depth))], from, joins, where, distinct, Nowhere);
    }

    private SelectItem Item(int depth) => random.Next(4) switch
    {
        0 => new SelectItem(null, random.Next(2) == 0 ? null : Name(), null, Nowhere),
        _ => new SelectItem(Expression(depth), null, random.Next(2) == 0 ? null : Name(), Nowhere),
    };

    private FromItem From(int depth)
    {
        var alias = random.Next(2) == 0 ? null : Name();
        switch (random.Next(depth > 0 ? 4 : 2))
        {
            case 0:
                return new TableSyntax(null, Name(), alias, Nowhere);
            case 1:
                return new TableSyntax(Name(), NameAfterQualifier(), alias, Nowhere);
            case 2:
                return new TableCallSyntax(PlainCall(depth - 1), alias, Nowhere);
            default:
                List<SqlName> columns = alias is null ? [] : [.. Enumerable.Range(0, random.Next(3)).Select(_ => Name())];
                return new DerivedTableSyntax(Select(depth - 1), alias, columns, Nowhere);
        }
    }

    public SqlExpression Expression(int depth)
    {
        if (depth == 0 || random.Next(6) == 0)
            return Leaf();
        SqlExpression Next() => Expression(depth - 1);
        switch (random.Next(13))
        {
            case 0:
                return Unary(Next());
            case 1 or 2 or 3:
                return new BinarySyntax(Any<BinaryOperator>(), Next(), Next(), Nowhere, Nowhere);
            case 4:
                var step = random.Next(2) == 0 ? SqlValue.FromText(Any(Texts)) : SqlValue.FromInteger(Any(Integers));
                return new ArrowSyntax(Next(), new LiteralSyntax(step, Nowhere), random.Next(2) == 0, Nowhere);
            case 5:
                return new IsSyntax(Next(), Any<IsTest>(), random.Next(2) == 0, Nowhere);
            case 6:
                return new InSyntax(Next(), random.Next(3) switch { 0 => Array(depth - 1), 1 => Subquery(depth - 1), _ => Next() }, random.Next(2) == 0, Nowhere);
            case 7:
                return new BetweenSyntax(Next(), Next(), Next(), random.Next(2) == 0, Nowhere);
            case 8:
                var branches = Enumerable.Range(0, random.Next(1, 3)).Select(_ => (Next(), Next())).ToList();
                return new CaseSyntax(random.Next(2) == 0 ? null : Next(), branches, random.Next(2) == 0 ? null : Next(), Nowhere);
            case 9:
                return new CastSyntax(Next(), Any(Types), Nowhere, Nowhere);
            case 10:
                return Call(depth - 1);
            case 11:
                return new LikeSyntax(Next(), Next(), random.Next(2) == 0 ? null : Next(), random.Next(2) == 0, Nowhere, Nowhere);
            default:
                return random.Next(2) == 0 ? Array(depth - 1) : Subquery(depth - 1);
        }
    }

    // A minus before a number belongs to the number, so only +1 has a sign of its own.
    private UnarySyntax Unary(SqlExpression operand) => new(Any<UnaryOperator>(), operand, Nowhere);

    private SubquerySyntax Subquery(int depth) => new(Select(depth), Nowhere);

    private ArraySyntax Array(int depth) => new([.. Enumerable.Range(0, random.Next(3)).Select(_ => Expression(depth))], Nowhere);

    private CallSyntax Call(int depth)
    {
        if (random.Next(4) > 0)
            return PlainCall(depth);
        var name = new SqlName("substring", Nowhere, WasFolded: false, IsQuoted: false);
        return new CallSyntax(null, name, [.. Enumerable.Range(0, random.Next(2, 4)).Select(_ => Expression(depth))], Nowhere) { UsesKeywords = true };
    }

    private CallSyntax PlainCall(int depth)
    {
        var name = new SqlName(Any(Functions), Nowhere, WasFolded: false, IsQuoted: false);
        var isReserved = SqlWords.Reserved.Contains(name.Text);
        SqlName? qualifier = random.Next(3) == 0 || isReserved ? Name() : null;
        return new CallSyntax(qualifier, name, [.. Enumerable.Range(0, random.Next(4)).Select(_ => Expression(depth))], Nowhere);
    }

    private SqlExpression Leaf()
    {
        switch (random.Next(6))
        {
            case 0:
                return new LiteralSyntax(SqlValue.FromText(Any(Texts)), Nowhere);
            case 1:
                return new LiteralSyntax(SqlValue.FromInteger(Any(Integers)), Nowhere);
            case 2:
                return new LiteralSyntax(SqlValue.FromReal(Any(Reals)), Nowhere);
            case 3:
                return new LiteralSyntax(SqlValue.Null, Nowhere);
            default:
                var isQualified = random.Next(2) == 0;
                return new ColumnSyntax(isQualified ? Name() : null, isQualified ? NameAfterQualifier() : Name(), Nowhere);
        }
    }

    private SqlName Name()
    {
        var isQuoted = random.Next(3) == 0;
        return new SqlName(Any(isQuoted ? Quoted : Plain), Nowhere, WasFolded: false, isQuoted);
    }

    private SqlName NameAfterQualifier() =>
        random.Next(4) == 0 ? new SqlName(Any(Reserved), Nowhere, WasFolded: false, IsQuoted: false) : Name();

    private T Any<T>(T[] choices) => choices[random.Next(choices.Length)];

    private T Any<T>()
        where T : struct, Enum => Any(Enum.GetValues<T>());
}

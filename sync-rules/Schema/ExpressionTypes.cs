using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Schema;

/// <summary>Types of expressions over one table, as far as they can be told without a row.</summary>
/// <param name="table">The table; null when it is not known, and everything of it is text.</param>
/// <param name="expandsTypes">Whether domains count as what they are made of.</param>
internal sealed class ExpressionTypes(SourceTable? table, bool expandsTypes)
{
    /// <summary>Columns in order; null for one whose values do not reach clients.</summary>
    public IEnumerable<(string Name, ClientType? Type)> Columns => table is null
        ? []
        : table.Columns.Select(column => (column.Name, TypeOf(column)));

    /// <summary>Whether the table has a column, as far as is known.</summary>
    public bool Has(string column) => table is null || table.IndexOf(column) >= 0;

    /// <summary>Type of an output; null when it never reaches clients, because it is binary or of no column.</summary>
    public ClientType? Of(Expression expression) => expression switch
    {
        ColumnExpression column => OfColumn(column.Name),
        CastExpression { Type: CastTarget.Blob } => null,
        CallExpression { Function.Name: "uuid_blob" or "unhex" } => null,
        _ => OfValue(expression),
    };

    /// <summary>What a column is when it may be either.</summary>
    public static ClientType Either(ClientType left, ClientType right) =>
        left == right ? left : left == ClientType.Text || right == ClientType.Text ? ClientType.Text : ClientType.Real;

    private ClientType OfValue(Expression expression) => expression switch
    {
        ColumnExpression column => OfColumn(column.Name) ?? ClientType.Text,
        ConstantExpression constant => constant.Value.Kind switch
        {
            SqlKind.Integer => ClientType.Integer,
            SqlKind.Real => ClientType.Real,
            _ => ClientType.Text,
        },
        NotExpression or LogicalExpression or CompareExpression or IsExpression or BetweenExpression => ClientType.Integer,
        InRowsExpression or InJsonExpression or InItemsExpression or OverlapExpression => ClientType.Integer,
        ArithmeticExpression arithmetic => OfNumbers(arithmetic.Left, arithmetic.Right),
        BitwiseExpression { Operation: BinaryOperator.Modulo } modulo => OfNumbers(modulo.Left, modulo.Right),
        BitwiseExpression => ClientType.Integer,
        CastExpression { Type: CastTarget.Integer } => ClientType.Integer,
        CastExpression { Type: CastTarget.Real or CastTarget.Numeric } => ClientType.Real,
        CaseExpression choice => OneOf(choice.Results),
        CoalesceExpression coalesce => OneOf(coalesce.Operands),
        CallExpression call => OfCall(call),
        _ => ClientType.Text,
    };

    // A text that counts as a number may have a fraction.
    private ClientType OfNumbers(Expression left, Expression right) =>
        OfValue(left) == ClientType.Integer && OfValue(right) == ClientType.Integer ? ClientType.Integer : ClientType.Real;

    private ClientType OfCall(CallExpression call) => call.Function.Name switch
    {
        "length" or "instr" or "json_array_length" or "json_valid" or "octet_length" or "unicode" or "sign" or "like" or "glob" => ClientType.Integer,
        "unixepoch" => call.Arguments.Count == 1 ? ClientType.Integer : ClientType.Real,
        "st_x" or "st_y" or "round" or "mod" or "sqrt" or "julianday" => ClientType.Real,
        "abs" or "ceil" or "ceiling" or "floor" or "trunc" => OfNumbers(call.Arguments[0], call.Arguments[0]),
        "ifnull" or "min" or "max" => OneOf(call.Arguments),
        "nullif" => OfValue(call.Arguments[0]),
        "iif" => OneOf(call.Arguments.Skip(1)),
        _ => ClientType.Text,
    };

    // Null is of every type.
    private ClientType OneOf(IEnumerable<Expression> expressions)
    {
        var types = expressions
            .Where(expression => expression is not ConstantExpression { Value.Kind: SqlKind.Null })
            .Select(OfValue)
            .ToList();
        return types.Count == 0 ? ClientType.Text : types.Aggregate(Either);
    }

    private ClientType? OfColumn(string name)
    {
        if (table is null)
            return ClientType.Text;
        var position = table.IndexOf(name);
        return position < 0 ? null : TypeOf(table.Columns[position]);
    }

    private ClientType? TypeOf(SourceColumn column)
    {
        var typeId = column.TypeId;
        for (var type = expandsTypes ? column.Type : null; type is not null; type = type.Kind == SourceTypeKind.Domain ? type.Members[0].Type : null)
            typeId = type.TypeId;
        return PostgresValue.FormOf(typeId) switch
        {
            PostgresForm.Boolean or PostgresForm.Integer => ClientType.Integer,
            PostgresForm.Real => ClientType.Real,
            PostgresForm.Bytes => null,
            _ => ClientType.Text,
        };
    }
}

using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>A name as written: folded to lower case unless quoted.</summary>
/// <param name="Text">The name.</param>
/// <param name="Span">Where it stands.</param>
/// <param name="WasFolded">It had capitals but no quotes.</param>
/// <param name="IsQuoted">It was written in double quotes.</param>
internal sealed record SqlName(string Text, TextSpan Span, bool WasFolded, bool IsQuoted);

/// <summary>Any expression.</summary>
internal abstract record SqlExpression(TextSpan Span);

internal sealed record LiteralSyntax(SqlValue Value, TextSpan Span) : SqlExpression(Span);

internal sealed record ColumnSyntax(SqlName? Qualifier, SqlName Name, TextSpan Span) : SqlExpression(Span);

internal enum UnaryOperator
{
    Not,
    Minus,
    Plus,
}

internal sealed record UnarySyntax(UnaryOperator Operator, SqlExpression Operand, TextSpan Span) : SqlExpression(Span);

internal enum BinaryOperator
{
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    BitAnd,
    BitOr,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Concat,
    Overlap,
    Multiply,
    Divide,
    Modulo,
}

internal sealed record BinarySyntax(
    BinaryOperator Operator, SqlExpression Left, SqlExpression Right, TextSpan OperatorSpan, TextSpan Span) : SqlExpression(Span);

/// <summary><c>-></c> and <c>->></c>; the step is a string or an integer literal.</summary>
internal sealed record ArrowSyntax(SqlExpression Operand, LiteralSyntax Step, bool AsText, TextSpan Span) : SqlExpression(Span);

internal enum IsTest
{
    Null,
    True,
    False,
}

internal sealed record IsSyntax(SqlExpression Operand, IsTest Test, bool Negated, TextSpan Span) : SqlExpression(Span);

/// <summary><c>x IN y</c>; the right side may be an <see cref="ArraySyntax"/> or a <see cref="SubquerySyntax"/>.</summary>
internal sealed record InSyntax(SqlExpression Operand, SqlExpression List, bool Negated, TextSpan Span) : SqlExpression(Span);

internal sealed record BetweenSyntax(
    SqlExpression Operand, SqlExpression Low, SqlExpression High, bool Negated, TextSpan Span) : SqlExpression(Span);

internal sealed record LikeSyntax(
    SqlExpression Operand, SqlExpression Pattern, SqlExpression? Escape, bool Negated, TextSpan OperatorSpan, TextSpan Span) : SqlExpression(Span);

internal sealed record CaseSyntax(
    SqlExpression? Operand, IReadOnlyList<(SqlExpression When, SqlExpression Then)> Branches, SqlExpression? Otherwise, TextSpan Span)
    : SqlExpression(Span);

internal sealed record CastSyntax(SqlExpression Operand, string Type, TextSpan TypeSpan, TextSpan Span) : SqlExpression(Span);

internal sealed record CallSyntax(
    SqlName? Qualifier, SqlName Name, IReadOnlyList<SqlExpression> Arguments, TextSpan Span) : SqlExpression(Span)
{
    /// <summary><c>substring(x FROM a FOR b)</c>, which not every edition has.</summary>
    public bool UsesKeywords { get; init; }
}

/// <summary><c>ARRAY[…]</c> or <c>ROW(…)</c>.</summary>
internal sealed record ArraySyntax(IReadOnlyList<SqlExpression> Items, TextSpan Span) : SqlExpression(Span);

internal sealed record SubquerySyntax(SelectSyntax Select, TextSpan Span) : SqlExpression(Span);

/// <summary>One item of a select list.</summary>
/// <param name="Expression">Null for a star.</param>
/// <param name="StarQualifier">Table of <c>table.*</c>.</param>
/// <param name="Alias">Name given with or without AS.</param>
/// <param name="Span">The whole item.</param>
internal sealed record SelectItem(SqlExpression? Expression, SqlName? StarQualifier, SqlName? Alias, TextSpan Span)
{
    public bool IsStar => Expression is null;
}

/// <summary>Something rows come from.</summary>
internal abstract record FromItem(SqlName? Alias, TextSpan Span);

internal sealed record TableSyntax(SqlName? Schema, SqlName Name, SqlName? Alias, TextSpan Span) : FromItem(Alias, Span);

internal sealed record TableCallSyntax(CallSyntax Call, SqlName? Alias, TextSpan Span) : FromItem(Alias, Span);

internal sealed record DerivedTableSyntax(
    SelectSyntax Select, SqlName? Alias, IReadOnlyList<SqlName> ColumnNames, TextSpan Span) : FromItem(Alias, Span);

/// <summary>A query.</summary>
/// <param name="Items">Select list; may be empty.</param>
/// <param name="From">Sources in order; joins are only sources whose ON conditions are in <paramref name="Where"/>.</param>
/// <param name="JoinCount">How many of the sources were written with JOIN.</param>
/// <param name="Where">Conjunction of WHERE and every ON.</param>
/// <param name="Distinct">Where DISTINCT stands, if it does.</param>
/// <param name="Span">The whole query.</param>
internal sealed record SelectSyntax(
    IReadOnlyList<SelectItem> Items, IReadOnlyList<FromItem> From, int JoinCount, SqlExpression? Where, TextSpan? Distinct, TextSpan Span);

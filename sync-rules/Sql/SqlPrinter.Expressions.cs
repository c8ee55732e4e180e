namespace TopGun.Buckets.SyncRules.Sql;

// Expressions, each at its level of precedence.
internal sealed partial class SqlPrinter
{
    private const int PostfixLevel = SqlParser.UnaryLevel + 1;
    private const int PrimaryLevel = PostfixLevel + 1;

    private void Write(SqlExpression node, int minimum)
    {
        if (LevelOf(node) >= minimum)
        {
            Write(node);
            return;
        }
        _text.Append('(');
        Write(node);
        _text.Append(')');
    }

    private static int LevelOf(SqlExpression node) => node switch
    {
        UnarySyntax unary => unary.Operator == UnaryOperator.Not ? SqlParser.NotLevel : SqlParser.UnaryLevel,
        BinarySyntax binary => SqlParser.OperatorOf(binary.Operator).Level,
        InSyntax or BetweenSyntax or LikeSyntax => SqlParser.MembershipLevel,
        IsSyntax => SqlParser.IsLevel,
        ArrowSyntax or CastSyntax => PostfixLevel,
        _ => PrimaryLevel,
    };

    private void Write(SqlExpression node)
    {
        switch (node)
        {
            case LiteralSyntax literal:
                WriteLiteral(literal.Value);
                break;
            case ColumnSyntax column:
                WriteQualified(column.Qualifier, column.Name);
                break;
            case UnarySyntax unary:
                WriteUnary(unary);
                break;
            case BinarySyntax binary:
                var (symbol, level) = SqlParser.OperatorOf(binary.Operator);
                Write(binary.Left, level);
                _text.Append(' ').Append(symbol).Append(' ');
                Write(binary.Right, level + 1);
                break;
            case ArrowSyntax arrow:
                Write(arrow.Operand, PostfixLevel);
                _text.Append(arrow.AsText ? " ->> " : " -> ");
                WriteLiteral(arrow.Step.Value);
                break;
            case CastSyntax cast:
                Write(cast.Operand, PostfixLevel);
                _text.Append("::").Append(IsPlain(cast.Type) ? cast.Type : $"\"{cast.Type.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
                break;
            case IsSyntax test:
                Write(test.Operand, SqlParser.IsLevel);
                _text.Append(test.Negated ? " IS NOT " : " IS ").Append(test.Test switch
                {
                    IsTest.Null => "NULL",
                    IsTest.True => "TRUE",
                    _ => "FALSE",
                });
                break;
            case InSyntax membership:
                Write(membership.Operand, SqlParser.MembershipLevel);
                _text.Append(membership.Negated ? " NOT IN " : " IN ");
                WriteList(membership.List);
                break;
            case BetweenSyntax between:
                Write(between.Operand, SqlParser.MembershipLevel);
                _text.Append(between.Negated ? " NOT BETWEEN " : " BETWEEN ");
                Write(between.Low, SqlParser.MembershipLevel + 1);
                _text.Append(" AND ");
                Write(between.High, SqlParser.MembershipLevel + 1);
                break;
            case LikeSyntax like:
                Write(like.Operand, SqlParser.MembershipLevel);
                _text.Append(like.Negated ? " NOT LIKE " : " LIKE ");
                Write(like.Pattern, SqlParser.MembershipLevel + 1);
                if (like.Escape is not null)
                {
                    _text.Append(" ESCAPE ");
                    Write(like.Escape, SqlParser.MembershipLevel + 1);
                }
                break;
            case CaseSyntax choice:
                WriteCase(choice);
                break;
            case CallSyntax call:
                WriteCall(call);
                break;
            case ArraySyntax array:
                _text.Append("ARRAY[");
                WriteList(array.Items, Write);
                _text.Append(']');
                break;
            case SubquerySyntax subquery:
                WriteSubquery(subquery.Select);
                break;
            default:
                throw new InvalidOperationException($"There is no text for {node.GetType().Name}.");
        }
    }

    // After IN a parenthesis with a SELECT is the whole list, whatever follows it.
    private void WriteList(SqlExpression list)
    {
        var start = _text.Length;
        Write(list, SqlParser.MembershipLevel + 1);
        if (list is not SubquerySyntax && _text.ToString(start, Math.Min(7, _text.Length - start)) == "(SELECT")
            _text.Insert(start, '(').Append(')');
    }

    private void WriteUnary(UnarySyntax unary)
    {
        if (unary.Operator == UnaryOperator.Not)
        {
            _text.Append("NOT ");
            Write(unary.Operand, SqlParser.NotLevel);
            return;
        }
        _text.Append(unary.Operator == UnaryOperator.Minus ? '-' : '+');
        var start = _text.Length;
        Write(unary.Operand, SqlParser.UnaryLevel);

        // Without something in between, a number would take the sign and two signs would start a comment.
        if (char.IsAsciiDigit(_text[start]))
            _text.Insert(start, '(').Append(')');
        else if (_text[start] is '-' or '+')
            _text.Insert(start, ' ');
    }

    private void WriteCase(CaseSyntax choice)
    {
        _text.Append("CASE");
        if (choice.Operand is not null)
        {
            _text.Append(' ');
            Write(choice.Operand);
        }
        foreach (var (when, then) in choice.Branches)
        {
            _text.Append(" WHEN ");
            Write(when);
            _text.Append(" THEN ");
            Write(then);
        }
        if (choice.Otherwise is not null)
        {
            _text.Append(" ELSE ");
            Write(choice.Otherwise);
        }
        _text.Append(" END");
    }

    private void WriteCall(CallSyntax call)
    {
        WriteQualified(call.Qualifier, call.Name, isCall: true);
        _text.Append('(');
        if (call.UsesKeywords)
        {
            Write(call.Arguments[0]);
            _text.Append(" FROM ");
            Write(call.Arguments[1]);
            if (call.Arguments.Count > 2)
            {
                _text.Append(" FOR ");
                Write(call.Arguments[2]);
            }
        }
        else
        {
            WriteList(call.Arguments, Write);
        }
        _text.Append(')');
    }
}

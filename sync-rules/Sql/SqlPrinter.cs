using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Sql;

/// <summary>Writes a syntax tree as a query that parses to the same tree, with no more parentheses than that takes.</summary>
/// <remarks>Levels of precedence are those of the parser: an operand of a lower level than its place asks for is put in parentheses.</remarks>
internal sealed partial class SqlPrinter
{
    private readonly StringBuilder _text = new();

    private SqlPrinter()
    {
    }

    public static string Print(SelectSyntax select)
    {
        var printer = new SqlPrinter();
        printer.Write(select);
        return printer._text.ToString();
    }

    public static string Print(SqlExpression expression)
    {
        var printer = new SqlPrinter();
        printer.Write(expression);
        return printer._text.ToString();
    }

    private void Write(SelectSyntax select)
    {
        _text.Append("SELECT");
        if (select.Distinct is not null)
            _text.Append(" DISTINCT");
        for (var index = 0; index < select.Items.Count; index++)
        {
            _text.Append(index == 0 ? " " : ", ");
            Write(select.Items[index]);
        }
        WriteFrom(select);
    }

    private void Write(SelectItem item)
    {
        if (item.StarQualifier is { } qualifier)
        {
            WriteName(qualifier);
            _text.Append('.');
        }
        if (item.Expression is null)
            _text.Append('*');
        else
            Write(item.Expression);
        WriteAlias(item.Alias);
    }

    // The tree has ON conditions as the first terms of the conjunction; they are given back to the last sources, one each.
    private void WriteFrom(SelectSyntax select)
    {
        var conditions = Conditions(select.Where, select.JoinCount, out var where);
        for (var index = 0; index < select.From.Count; index++)
        {
            var join = index - (select.From.Count - select.JoinCount);
            _text.Append(index == 0 ? " FROM " : join >= 0 ? " JOIN " : ", ");
            Write(select.From[index]);
            if (join < 0)
                continue;
            _text.Append(" ON ");
            Write(conditions[join]);
        }
        if (where is null)
            return;
        _text.Append(" WHERE ");
        Write(where);
    }

    private static List<SqlExpression> Conditions(SqlExpression? all, int count, out SqlExpression? where)
    {
        where = null;
        var conditions = new List<SqlExpression>();
        if (count == 0)
        {
            where = all;
            return conditions;
        }
        var rest = all!;
        while (conditions.Count < count && rest is BinarySyntax { Operator: BinaryOperator.And } and)
        {
            conditions.Add(and.Right);
            rest = and.Left;
        }
        conditions.Add(rest);
        conditions.Reverse();
        if (conditions.Count > count)
        {
            where = conditions[^1];
            conditions.RemoveAt(count);
        }
        return conditions;
    }

    private void Write(FromItem item)
    {
        switch (item)
        {
            case TableSyntax table:
                WriteQualified(table.Schema, table.Name);
                WriteAlias(table.Alias);
                break;
            case TableCallSyntax call:
                Write(call.Call);
                WriteAlias(call.Alias);
                break;
            case DerivedTableSyntax derived:
                WriteSubquery(derived.Select);
                WriteAlias(derived.Alias);
                if (derived.ColumnNames.Count > 0)
                {
                    _text.Append(" (");
                    WriteList(derived.ColumnNames, name => WriteName(name));
                    _text.Append(')');
                }
                break;
            default:
                throw new InvalidOperationException($"There is no text for {item.GetType().Name}.");
        }
    }

    private void WriteSubquery(SelectSyntax select)
    {
        _text.Append('(');
        Write(select);
        _text.Append(')');
    }

    private void WriteAlias(SqlName? alias)
    {
        if (alias is null)
            return;
        _text.Append(" AS ");
        WriteName(alias);
    }

    private void WriteQualified(SqlName? qualifier, SqlName name, bool isCall = false)
    {
        if (qualifier is not null)
        {
            WriteName(qualifier);
            _text.Append('.');
        }
        WriteName(name, mayBeReserved: qualifier is not null || isCall);
    }

    private void WriteName(SqlName name, bool mayBeReserved = false)
    {
        if (!name.IsQuoted && IsPlain(name.Text) && (mayBeReserved || !SqlWords.Reserved.Contains(name.Text)))
            _text.Append(name.Text);
        else
            _text.Append('"').Append(name.Text.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }

    private static bool IsPlain(string name) =>
        name.Length > 0 && (char.IsLetter(name[0]) || name[0] == '_')
        && name.All(c => (char.IsLetterOrDigit(c) || c == '_') && char.ToLowerInvariant(c) == c);

    private void WriteList<T>(IReadOnlyList<T> items, Action<T> write)
    {
        for (var index = 0; index < items.Count; index++)
        {
            if (index > 0)
                _text.Append(", ");
            write(items[index]);
        }
    }

    private void WriteLiteral(in SqlValue value)
    {
        switch (value.Kind)
        {
            case SqlKind.Null:
                _text.Append("NULL");
                break;
            case SqlKind.Integer:
                _text.Append(value.Integer.ToString(CultureInfo.InvariantCulture));
                break;
            case SqlKind.Real:
                var digits = value.Real.ToString("R", CultureInfo.InvariantCulture);
                _text.Append(digits).Append(digits.AsSpan().ContainsAny('.', 'E') ? "" : ".0");
                break;
            case SqlKind.Text:
                _text.Append('\'').Append(Encoding.UTF8.GetString(value.Bytes.Span).Replace("'", "''", StringComparison.Ordinal)).Append('\'');
                break;
            default:
                throw new InvalidOperationException("There is no literal for a blob.");
        }
    }
}

using System.Collections;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>Compares syntax trees by everything but where their text stood and whether it had capitals.</summary>
internal static class SqlTreeComparison
{
    /// <summary>The first difference in words, or null.</summary>
    public static string? Difference(object? left, object? right, string path = "query")
    {
        if (left is null || right is null)
            return left is null && right is null ? null : $"{path} is missing on one side";
        if (left.GetType() != right.GetType() && left is not IList)
            return $"{path} is {left.GetType().Name} and {right.GetType().Name}";
        switch (left)
        {
            case TextSpan:
                return null;
            case SqlValue value:
                var other = (SqlValue)right;
                var isSame = value.Kind == other.Kind && value.Kind switch
                {
                    SqlKind.Integer => value.Integer == other.Integer,
                    SqlKind.Real => BitConverter.DoubleToInt64Bits(value.Real) == BitConverter.DoubleToInt64Bits(other.Real),
                    _ => value.Bytes.Span.SequenceEqual(other.Bytes.Span),
                };
                return isSame ? null : $"{path} has another value";
            case string or bool or int or Enum:
                return left.Equals(right) ? null : $"{path} is {left} and {right}";
            case IList list:
                return DifferenceOfLists(list, (IList)right, path);
            case ValueTuple<SqlExpression, SqlExpression> pair:
                var branch = (ValueTuple<SqlExpression, SqlExpression>)right;
                return Difference(pair.Item1, branch.Item1, path + ".when") ?? Difference(pair.Item2, branch.Item2, path + ".then");
            default:
                return left.GetType().GetProperties()
                    .Where(property => property.Name is not nameof(SqlName.WasFolded))
                    .Select(property => Difference(property.GetValue(left), property.GetValue(right), $"{path}.{property.Name}"))
                    .FirstOrDefault(difference => difference is not null);
        }
    }

    private static string? DifferenceOfLists(IList left, IList right, string path)
    {
        if (left.Count != right.Count)
            return $"{path} has {left.Count} and {right.Count} items";
        return Enumerable.Range(0, left.Count)
            .Select(index => Difference(left[index], right[index], $"{path}[{index}]"))
            .FirstOrDefault(difference => difference is not null);
    }
}

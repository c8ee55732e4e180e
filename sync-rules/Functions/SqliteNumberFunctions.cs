using System.Globalization;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>SQLite's functions over numbers whose result is the same on every machine.</summary>
internal static class SqliteNumberFunctions
{
    // From here on a double has no fraction.
    private const double NoFraction = 4503599627370496.0;

    private const int MaxDigits = 30;

    public static SqlValue Abs(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var value = arguments[0];
        switch (value.Kind)
        {
            case SqlKind.Null:
                return SqlValue.Null;
            case SqlKind.Integer when value.Integer == long.MinValue:
                throw new EvaluationException("abs() of the smallest integer does not fit into 64 bits.");
            case SqlKind.Integer:
                return SqlValue.FromInteger(Math.Abs(value.Integer));
            default:
                return SqlValue.FromReal(Math.Abs(SqlCast.ToReal(value, isExact: true).Real));
        }
    }

    /// <summary><c>round(x[, digits])</c>: halves away from zero; the result is real.</summary>
    public static SqlValue Round(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || (arguments.Length > 1 && arguments[1].IsNull))
            return SqlValue.Null;
        var value = SqlCast.ToReal(arguments[0], isExact: true).Real;
        var digits = arguments.Length > 1 ? (int)Math.Clamp(SqlCast.ToInteger(arguments[1], truncates: true).Integer, 0, MaxDigits) : 0;
        if (!(Math.Abs(value) < NoFraction))
            return SqlValue.FromReal(value);
        if (digits == 0)
            return SqlValue.FromReal(Math.Truncate(value + (value < 0 ? -0.5 : 0.5)) + 0.0);
        var rounded = double.Parse(SqlNumber.Fixed(Math.Abs(value), digits), CultureInfo.InvariantCulture);
        return SqlValue.FromReal(value < 0 ? 0.0 - rounded : rounded);
    }

    /// <summary>-1, 0 or 1; null for what is no number.</summary>
    public static SqlValue Sign(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => TryNumber(arguments[0], out var number)
        ? SqlValue.FromInteger(number.Kind == SqlKind.Integer ? Math.Sign(number.Integer) : double.IsNaN(number.Real) ? 0 : Math.Sign(number.Real))
        : SqlValue.Null;

    /// <summary><c>ceil floor trunc</c>: an integer stays one, a real stays a real.</summary>
    public static SqlValue Whole(in SqlValue value, Func<double, double> round)
    {
        if (!TryNumber(value, out var number))
            return SqlValue.Null;
        return number.Kind == SqlKind.Integer ? number : SqlValue.FromReal(round(number.Real));
    }

    /// <summary><c>min</c> and <c>max</c> of several values, of any types; null when one of them is null.</summary>
    public static SqlValue Extreme(ReadOnlySpan<SqlValue> arguments, bool isMax, bool isExact)
    {
        var best = arguments[0];
        foreach (var argument in arguments)
        {
            if (argument.IsNull)
                return SqlValue.Null;
            var order = SqlCompare.Compare(best, argument, isExact);
            if (isMax ? order < 0 : order >= 0)
                best = argument;
        }
        return best;
    }

    // A text counts when all of it is one number.
    internal static bool TryNumber(in SqlValue value, out SqlValue number)
    {
        number = value;
        if (value.Kind == SqlKind.Text && SqlNumber.IsWholeNumber(value.Bytes.Span))
            number = SqlCast.ToOperand(value, isExact: true);
        return number.IsNumber;
    }
}

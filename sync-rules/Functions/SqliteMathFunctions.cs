using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>SQLite's functions over reals. An argument that is no finite number, or lies where the function has no finite value, gives null.</summary>
// https://www.sqlite.org/lang_mathfunc.html
internal static class SqliteMathFunctions
{
    private static readonly ScalarBody LogToTen = OfOne(Log10);

    private static readonly ScalarBody LogToRadix = OfTwo((radix, x) => radix > 1 && x > 0 ? RoundedMath.Log(x, radix) : double.NaN);

    public static IEnumerable<ScalarFunction> Functions =>
    [
        new("pi", 0, 0, (_, _) => SqlValue.FromReal(Math.PI)),
        new("degrees", 1, 1, OfOne(x => x * (180 / Math.PI))),
        new("radians", 1, 1, OfOne(x => x * (Math.PI / 180))),
        new("sqrt", 1, 1, OfOne(Math.Sqrt)),
        new("mod", 2, 2, OfTwo((x, y) => x % y)),

        new("exp", 1, 1, OfOne(RoundedMath.Exp)),
        new("pow", 2, 2, OfTwo(RoundedMath.Pow)),
        new("power", 2, 2, OfTwo(RoundedMath.Pow)),
        new("ln", 1, 1, OfOne(x => x > 0 ? RoundedMath.Log(x) : double.NaN)),
        new("log2", 1, 1, OfOne(x => x > 0 ? RoundedMath.Log2(x) : double.NaN)),
        new("log10", 1, 1, OfOne(Log10)),
        new("log", 1, 2, Log),

        new("sin", 1, 1, OfOne(RoundedMath.Sin)),
        new("cos", 1, 1, OfOne(RoundedMath.Cos)),
        new("tan", 1, 1, OfOne(RoundedMath.Tan)),
        new("asin", 1, 1, OfOne(x => Math.Abs(x) <= 1 ? RoundedMath.Asin(x) : double.NaN)),
        new("acos", 1, 1, OfOne(x => Math.Abs(x) <= 1 ? RoundedMath.Acos(x) : double.NaN)),
        new("atan", 1, 1, OfOne(RoundedMath.Atan)),
        new("atan2", 2, 2, OfTwo(RoundedMath.Atan2)),
        new("sinh", 1, 1, OfOne(RoundedMath.Sinh)),
        new("cosh", 1, 1, OfOne(RoundedMath.Cosh)),
        new("tanh", 1, 1, OfOne(RoundedMath.Tanh)),
        new("asinh", 1, 1, OfOne(RoundedMath.Asinh)),
        new("acosh", 1, 1, OfOne(x => x >= 1 ? RoundedMath.Acosh(x) : double.NaN)),
        new("atanh", 1, 1, OfOne(x => Math.Abs(x) < 1 ? RoundedMath.Atanh(x) : double.NaN)),
    ];

    // log(x) is to base 10, log(b, x) to base b.
    private static SqlValue Log(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        (arguments.Length == 1 ? LogToTen : LogToRadix)(arguments, context);

    private static double Log10(double x) => x > 0 ? RoundedMath.Log10(x) : double.NaN;

    private static ScalarBody OfOne(Func<double, double> function) =>
        (arguments, _) => TryReal(arguments[0], out var x) ? SqlValue.FromFinite(function(x)) : SqlValue.Null;

    private static ScalarBody OfTwo(Func<double, double, double> function) => (arguments, _) =>
        TryReal(arguments[0], out var x) && TryReal(arguments[1], out var y) ? SqlValue.FromFinite(function(x, y)) : SqlValue.Null;

    private static bool TryReal(in SqlValue value, out double real)
    {
        var isNumber = SqliteNumberFunctions.TryNumber(value, out var number);
        real = !isNumber ? double.NaN : number.Kind == SqlKind.Integer ? number.Integer : number.Real;
        return double.IsFinite(real);
    }
}

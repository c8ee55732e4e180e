using System.Numerics;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Elementary functions of reals, computed to 256 binary digits behind the point and rounded once at the end.</summary>
/// <remarks>
/// Only whole numbers compute, so every machine gets the same bits. The last digit of the functions of <see cref="Math"/> depends on processor and C
/// library, and a row must become the same bytes wherever it is evaluated: after a restart on another machine, and on every node.
/// </remarks>
internal static class RoundedMath
{
    private const int Bits = 256;

    // Arguments of the trigonometric functions have up to 1024 binary digits before the point.
    private const int PiBits = Bits + 1024;

    // Below it the odd functions differ from their argument by less than half of its last digit.
    private const double Tiny = 1.0 / (1 << 28);

    // e to a higher or lower power than these is no double.
    private const int MaxExponent = 711;
    private const int MinExponent = -746;

    // No power above it lies halfway between two doubles; below it the whole number says which way to round.
    private const int MaxHalfwayPower = 34;

    private static readonly BigInteger One = BigInteger.One << Bits;

    private static readonly BigInteger NaturalLogOf2 = AreaTangent(One / 3) << 1;

    private static readonly BigInteger NaturalLogOf10 = NaturalLog(10 * One, Bits);

    // Machin's formula.
    private static readonly BigInteger HalfPi = (4 * ArcTangentOfInverse(5) - ArcTangentOfInverse(239)) << 1;

    public static double Exp(double x) => Exponential(Fixed(x));

    /// <summary>Natural logarithm of a positive real.</summary>
    public static double Log(double x) => Round(NaturalLog(x), Bits);

    /// <summary>Logarithm to base 2 of a positive real; exact for powers of 2.</summary>
    public static double Log2(double x) => Round(Quotient(NaturalLog(x), NaturalLogOf2), Bits);

    /// <summary>Logarithm to base 10 of a positive real; exact for powers of 10.</summary>
    public static double Log10(double x) => Round(Quotient(NaturalLog(x), NaturalLogOf10), Bits);

    /// <param name="x">Positive.</param>
    /// <param name="radix">Greater than 1.</param>
    public static double Log(double x, double radix) => Round(Quotient(NaturalLog(x), NaturalLog(radix)), Bits);

    /// <summary>As <c>pow</c> of C, for finite arguments.</summary>
    public static double Pow(double x, double y)
    {
        if (y == 0 || x == 1)
            return 1;
        if (x == 0)
            return y > 0 ? 0 : double.PositiveInfinity;
        var isWhole = y == Math.Floor(y);
        if (x < 0 && !isWhole)
            return double.NaN;
        var magnitude = Math.Abs(x);
        double power;
        if (isWhole && y is > 0 and <= MaxHalfwayPower)
        {
            var (mantissa, exponent) = Parts(magnitude);
            power = Round(BigInteger.Pow(mantissa, (int)y), -exponent * (int)y);
        }
        else
        {
            power = Exponential(Product(NaturalLog(magnitude), Fixed(y)));
        }
        var isOdd = isWhole && !new BigInteger(y).IsEven;
        return x < 0 && isOdd ? -power : power;
    }

    public static double Sin(double x) => Math.Abs(x) < Tiny ? x : Round(Sine(x, quarters: 0), Bits);

    public static double Cos(double x) => Round(Sine(x, quarters: 1), Bits);

    public static double Tan(double x) => Math.Abs(x) < Tiny ? x : Round(Quotient(Sine(x, quarters: 0), Sine(x, quarters: 1)), Bits);

    /// <param name="x">From -1 to 1.</param>
    public static double Asin(double x)
    {
        var sine = Fixed(x);
        return Math.Abs(x) < Tiny ? x : Round(Angle(sine, Cofunction(sine)), Bits);
    }

    /// <param name="x">From -1 to 1.</param>
    public static double Acos(double x)
    {
        var cosine = Fixed(x);
        return Round(Angle(Cofunction(cosine), cosine), Bits);
    }

    public static double Atan(double x) => Math.Abs(x) < Tiny ? x : Round(Angle(Fixed(x), One), Bits);

    /// <summary>As <c>atan2</c> of C, for finite arguments.</summary>
    public static double Atan2(double y, double x)
    {
        if (y == 0)
            return Math.Atan2(y, x);
        if (x > 0 && Math.Abs(y / x) < Tiny)
            return y / x;
        var (sine, sineExponent) = Parts(y);
        var (cosine, cosineExponent) = Parts(x);
        var exponent = Math.Min(sineExponent, cosineExponent);
        return Round(Angle(sine << (sineExponent - exponent), cosine << (cosineExponent - exponent)), Bits);
    }

    public static double Sinh(double x)
    {
        if (Math.Abs(x) < Tiny)
            return x;
        var (growing, shrinking) = Powers(x);
        return Math.CopySign(Round(growing - shrinking, Bits + 1), x);
    }

    public static double Cosh(double x)
    {
        var (growing, shrinking) = Powers(x);
        return Round(growing + shrinking, Bits + 1);
    }

    public static double Tanh(double x)
    {
        if (Math.Abs(x) < Tiny)
            return x;
        var (growing, shrinking) = Powers(Math.Clamp(x, -Bits, Bits));
        return Math.CopySign(Round(Quotient(growing - shrinking, growing + shrinking), Bits), x);
    }

    public static double Asinh(double x)
    {
        if (Math.Abs(x) < Tiny)
            return x;
        var magnitude = Fixed(Math.Abs(x));
        return Math.CopySign(Round(NaturalLog(magnitude + Root(Product(magnitude, magnitude) + One), Bits), Bits), x);
    }

    /// <param name="x">At least 1.</param>
    public static double Acosh(double x)
    {
        var magnitude = Fixed(x);
        return Round(NaturalLog(magnitude + Root(Product(magnitude, magnitude) - One), Bits), Bits);
    }

    /// <param name="x">Between -1 and 1.</param>
    public static double Atanh(double x) =>
        Math.Abs(x) < Tiny ? x : Round(NaturalLog(Quotient(One + Fixed(x), One - Fixed(x)), Bits), Bits + 1);

    // From here on numbers are whole ones that count units of 2^-256.

    private static double Exponential(BigInteger x)
    {
        if (x > MaxExponent * One)
            return double.PositiveInfinity;
        if (x < MinExponent * One)
            return 0;
        var (power, exponent) = PowerOfE(x);
        return Round(power, Bits - exponent);
    }

    // e^x as a number from 1 to 2 times a power of 2.
    private static (BigInteger Power, int Exponent) PowerOfE(BigInteger x)
    {
        // e^r = (e^(r / 2^n))^(2^n): the smaller, the faster the series.
        const int Halvings = 8;
        var exponent = (int)BigInteger.DivRem(x, NaturalLogOf2, out var rest);
        if (rest.Sign < 0)
            (exponent, rest) = (exponent - 1, rest + NaturalLogOf2);
        rest >>= Halvings;
        var power = One;
        var term = One;
        for (var n = 1; !term.IsZero; n++)
        {
            term = Product(term, rest) / n;
            power += term;
        }
        for (var n = 0; n < Halvings; n++)
            power = Product(power, power);
        return (power, exponent);
    }

    // e^|x| and e^-|x|.
    private static (BigInteger Growing, BigInteger Shrinking) Powers(double x)
    {
        var (power, exponent) = PowerOfE(Fixed(Math.Min(Math.Abs(x), MaxExponent)));
        var growing = power << exponent;
        return (growing, Quotient(One, growing));
    }

    private static BigInteger NaturalLog(double x)
    {
        var (mantissa, exponent) = Parts(x);
        return NaturalLog(mantissa, -exponent);
    }

    /// <param name="value">Positive.</param>
    /// <param name="bits">Its digits behind the point.</param>
    private static BigInteger NaturalLog(BigInteger value, int bits)
    {
        var length = (int)value.GetBitLength();
        var exponent = length - 1 - bits;
        var rest = Shift(value, Bits + 1 - length);
        if (3 * rest > 4 * One)
            (rest, exponent) = (rest >> 1, exponent + 1);
        return (AreaTangent(Quotient(rest - One, rest + One)) << 1) + exponent * NaturalLogOf2;
    }

    // x + x^3/3 + x^5/5 + …
    private static BigInteger AreaTangent(BigInteger x) => OddPowers(x, Product(x, x));

    // The angle in a triangle of these sides, which may be negative, and need not count units of 2^-256.
    private static BigInteger Angle(BigInteger sine, BigInteger cosine)
    {
        var (opposite, adjacent) = (BigInteger.Abs(sine), BigInteger.Abs(cosine));
        var quarter = HalfPi >> (PiBits - Bits);
        var angle = opposite <= adjacent ? ArcTangent(Quotient(opposite, adjacent)) : quarter - ArcTangent(Quotient(adjacent, opposite));
        if (cosine.Sign < 0)
            angle = 2 * quarter - angle;
        return sine.Sign < 0 ? -angle : angle;
    }

    /// <param name="x">From 0 to 1.</param>
    private static BigInteger ArcTangent(BigInteger x)
    {
        // A quarter of the angle: the smaller, the faster the series.
        for (var n = 0; n < 2; n++)
            x = Quotient(x, One + Root(One + Product(x, x)));
        return OddPowers(x, -Product(x, x)) << 2;
    }

    private static BigInteger OddPowers(BigInteger x, BigInteger square)
    {
        var sum = x;
        for (var n = 3; !x.IsZero; n += 2)
        {
            x = Product(x, square);
            sum += x / n;
        }
        return sum;
    }

    // Sine of an angle and of as many right angles more.
    private static BigInteger Sine(double x, int quarters)
    {
        var (mantissa, exponent) = Parts(x);
        var bits = Bits + Math.Max(0, exponent + 53);
        var angle = Shift(mantissa, exponent + bits);
        var quarter = HalfPi >> (PiBits - bits);
        var turns = BigInteger.DivRem(2 * angle + angle.Sign * quarter, 2 * quarter, out _);
        var rest = (angle - turns * quarter) >> (bits - Bits);
        quarters += (int)(turns & 3);
        var isCosine = (quarters & 1) == 1;
        var square = -Product(rest, rest);
        var term = isCosine ? One : rest;
        var sum = term;
        for (var n = isCosine ? 1 : 2; !term.IsZero; n += 2)
        {
            term = Product(term, square) / (n * (n + 1));
            sum += term;
        }
        return (quarters & 2) == 0 ? sum : -sum;
    }

    // Cosine of what has this sine, and the other way round.
    private static BigInteger Cofunction(BigInteger x) => Root(One - Product(x, x));

    private static BigInteger ArcTangentOfInverse(int x)
    {
        var term = (BigInteger.One << PiBits) / x;
        var sum = term;
        for (var n = 3; !term.IsZero; n += 2)
        {
            term /= -x * x;
            sum += term / n;
        }
        return sum;
    }

    // Towards zero, so that the terms of every series end there: a shift alone stops at -1.
    private static BigInteger Product(BigInteger left, BigInteger right)
    {
        var product = left * right;
        return product.Sign < 0 ? -(-product >> Bits) : product >> Bits;
    }

    private static BigInteger Quotient(BigInteger left, BigInteger right) => (left << Bits) / right;

    private static BigInteger Root(BigInteger x)
    {
        if (x.IsZero)
            return x;
        var square = x << Bits;
        var root = BigInteger.One << (int)((square.GetBitLength() + 1) / 2);
        while (true)
        {
            var next = (root + square / root) >> 1;
            if (next >= root)
                return root;
            root = next;
        }
    }

    private static BigInteger Fixed(double x)
    {
        var (mantissa, exponent) = Parts(x);
        return Shift(mantissa, exponent + Bits);
    }

    private static BigInteger Shift(BigInteger value, int left) => left >= 0 ? value << left : value >> -left;

    private static (BigInteger Mantissa, int Exponent) Parts(double x)
    {
        const int MantissaBits = 52;
        const int Bias = 1075;
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> MantissaBits) & 0x7FF;
        var mantissa = bits & ((1L << MantissaBits) - 1);
        if (exponent == 0)
            exponent = 1;
        else
            mantissa |= 1L << MantissaBits;
        return (x < 0 ? -mantissa : mantissa, exponent - Bias);
    }

    /// <param name="value">Any.</param>
    /// <param name="bits">Its digits behind the point.</param>
    private static double Round(BigInteger value, int bits)
    {
        var magnitude = BigInteger.Abs(value);
        var excess = (int)magnitude.GetBitLength() - 64;
        var top = (ulong)Shift(magnitude, -excess);

        // What is cut off still tells more than half from half.
        if (excess > 0 && BigInteger.TrailingZeroCount(magnitude) < excess)
            top |= 1;
        var rounded = Math.ScaleB((double)top, excess - bits);
        return value.Sign < 0 ? -rounded : rounded;
    }
}

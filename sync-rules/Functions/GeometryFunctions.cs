using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>PostGIS geometries, which arrive as hex text of EWKB.</summary>
internal static class GeometryFunctions
{
    public static SqlValue AsGeoJson(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        Read(arguments[0]) is { } geometry ? SqlValue.FromText(GeometryText.ToGeoJson(geometry)) : SqlValue.Null;

    public static SqlValue AsText(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        Read(arguments[0]) is { } geometry ? SqlValue.FromText(GeometryText.ToWkt(geometry)) : SqlValue.Null;

    public static SqlValue X(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => Ordinate(Read(arguments[0]), 0);

    public static SqlValue Y(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => Ordinate(Read(arguments[0]), 1);

    private static SqlValue Ordinate(Geometry? geometry, int index) =>
        geometry is { Kind: GeometryKind.Point, Positions: [var position, ..] } ? SqlValue.FromFinite(position[index]) : SqlValue.Null;

    private static Geometry? Read(in SqlValue value)
    {
        if (value.IsNull)
            return null;
        if (value.Kind == SqlKind.Blob)
            return GeometryReader.Read(value.Bytes.Span);
        if (value.Kind != SqlKind.Text)
            throw new EvaluationException("A geometry must be bytes or hex text.");
        try
        {
            return GeometryReader.Read(Convert.FromHexString(Encoding.UTF8.GetString(value.Bytes.Span)));
        }
        catch (FormatException)
        {
            throw new EvaluationException("A geometry must be bytes or hex text.");
        }
    }
}

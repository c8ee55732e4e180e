using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Writes geometries as GeoJSON and WKT.</summary>
internal static class GeometryText
{
    // https://datatracker.ietf.org/doc/html/rfc7946#section-3.1
    public static string ToGeoJson(Geometry geometry)
    {
        var target = new StringBuilder();
        WriteGeoJson(target, geometry);
        return target.ToString();
    }

    public static string ToWkt(Geometry geometry)
    {
        var target = new StringBuilder();
        WriteWkt(target, geometry);
        return target.ToString();
    }

    private static void WriteGeoJson(StringBuilder target, Geometry geometry)
    {
        target.Append("{\"type\":\"").Append(geometry.Kind).Append('"');
        if (geometry.Kind == GeometryKind.GeometryCollection)
        {
            target.Append(",\"geometries\":");
            WriteList(target, geometry.Parts, '[', ']', WriteGeoJson);
        }
        else
        {
            target.Append(",\"coordinates\":");
            WriteCoordinates(target, geometry);
        }
        target.Append('}');
    }

    private static void WriteCoordinates(StringBuilder target, Geometry geometry)
    {
        switch (geometry.Kind)
        {
            case GeometryKind.Point:
                if (geometry.Positions.Count == 0)
                    target.Append("[]");
                else
                    WriteJsonPosition(target, geometry, geometry.Positions[0]);
                break;
            case GeometryKind.LineString:
                WriteList(target, geometry.Positions, '[', ']', (positions, position) => WriteJsonPosition(positions, geometry, position));
                break;
            default:
                WriteList(target, geometry.Parts, '[', ']', WriteCoordinates);
                break;
        }
    }

    // GeoJSON has a height but no measure.
    private static void WriteJsonPosition(StringBuilder target, Geometry geometry, double[] position) =>
        WriteList(target, position[..(geometry.HasZ ? 3 : 2)], '[', ']', (numbers, ordinate) => numbers.Append(WithPoint(SqlNumber.RealText(ordinate))));

    private static string WithPoint(string number) => number.AsSpan().IndexOfAny('.', 'e') < 0 ? number + ".0" : number;

    private static void WriteWkt(StringBuilder target, Geometry geometry)
    {
        target.Append(geometry.Kind.ToString().ToUpperInvariant());
        target.Append((geometry.HasZ, geometry.HasM) switch
        {
            (true, true) => " ZM ",
            (true, false) => " Z ",
            (false, true) => " M ",
            _ => geometry.Positions.Count + geometry.Parts.Count == 0 ? " " : "",
        });
        WriteWktBody(target, geometry);
    }

    private static void WriteWktBody(StringBuilder target, Geometry geometry)
    {
        if (geometry.Positions.Count == 0 && geometry.Parts.Count == 0)
            target.Append("EMPTY");
        else if (geometry.Kind is GeometryKind.Point or GeometryKind.LineString)
            WriteList(target, geometry.Positions, '(', ')', WriteWktPosition);
        else if (geometry.Kind == GeometryKind.GeometryCollection)
            WriteList(target, geometry.Parts, '(', ')', WriteWkt);
        else if (geometry.Kind == GeometryKind.MultiPoint)
            WriteList(target, geometry.Parts, '(', ')', (points, point) => WriteWktPosition(points, point.Positions.Count == 0 ? [] : point.Positions[0]));
        else
            WriteList(target, geometry.Parts, '(', ')', WriteWktBody);
    }

    private static void WriteWktPosition(StringBuilder target, double[] position)
    {
        for (var index = 0; index < position.Length; index++)
        {
            if (index > 0)
                target.Append(' ');
            target.Append(SqlNumber.RealText(position[index]));
        }
    }

    private static void WriteList<T>(StringBuilder target, IReadOnlyList<T> items, char open, char close, Action<StringBuilder, T> write)
    {
        target.Append(open);
        for (var index = 0; index < items.Count; index++)
        {
            if (index > 0)
                target.Append(',');
            write(target, items[index]);
        }
        target.Append(close);
    }
}

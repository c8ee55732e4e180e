using System.Buffers.Binary;

namespace TopGun.Buckets.SyncRules.Functions;

internal enum GeometryKind
{
    Point = 1,
    LineString = 2,
    Polygon = 3,
    MultiPoint = 4,
    MultiLineString = 5,
    MultiPolygon = 6,
    GeometryCollection = 7,
}

/// <summary>A geometry: positions of a point or line, or parts of anything else. An empty point has no position.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="HasZ">Positions have a third ordinate, the height.</param>
/// <param name="HasM">Positions have a last ordinate, the measure.</param>
/// <param name="Positions">Of a point, line or ring.</param>
/// <param name="Parts">Of a polygon, its rings; of a collection, its members.</param>
internal sealed record Geometry(
    GeometryKind Kind, bool HasZ, bool HasM, IReadOnlyList<double[]> Positions, IReadOnlyList<Geometry> Parts);

/// <summary>Reads WKB and EWKB.</summary>
// https://postgis.net/docs/using_postgis_dbmanagement.html#EWKB_EWKT
// Byte order (1 little, 0 big), UInt32 type with flags 0x80000000 Z, 0x40000000 M, 0x20000000 SRID (or ISO's +1000, +2000, +3000), [SRID], body.
internal ref struct GeometryReader
{
    private const int MaxDepth = 32;

    private ReadOnlySpan<byte> _rest;
    private bool _bigEndian;

    /// <exception cref="EvaluationException">The bytes are no geometry.</exception>
    public static Geometry Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new GeometryReader { _rest = bytes };
        return reader.ReadGeometry(depth: 0);
    }

    private Geometry ReadGeometry(int depth)
    {
        if (depth > MaxDepth)
            throw Malformed();
        _bigEndian = Take(1)[0] == 0;
        var type = ReadUInt32();
        var iso = type & 0x1FFFFFFF;
        var shape = new Geometry(
            (GeometryKind)(iso % 1000),
            HasZ: (type & 0x80000000) != 0 || iso / 1000 is 1 or 3,
            HasM: (type & 0x40000000) != 0 || iso / 1000 is 2 or 3,
            [],
            []);
        if ((type & 0x20000000) != 0)
            ReadUInt32();
        var ordinates = 2 + (shape.HasZ ? 1 : 0) + (shape.HasM ? 1 : 0);
        return shape.Kind switch
        {
            GeometryKind.Point => ReadPoint(shape, ordinates),
            GeometryKind.LineString => shape with { Positions = ReadPositions(ordinates) },
            GeometryKind.Polygon => ReadPolygon(shape, ordinates),
            GeometryKind.MultiPoint or GeometryKind.MultiLineString or GeometryKind.MultiPolygon or GeometryKind.GeometryCollection =>
                shape with { Parts = ReadParts(depth) },
            _ => throw Malformed(),
        };
    }

    private Geometry ReadPoint(Geometry shape, int ordinates)
    {
        var position = ReadPosition(ordinates);
        return shape with { Positions = double.IsNaN(position[0]) ? [] : [position] };
    }

    private Geometry ReadPolygon(Geometry shape, int ordinates)
    {
        var rings = new Geometry[ReadCount(minimumSize: 4)];
        for (var index = 0; index < rings.Length; index++)
            rings[index] = shape with { Kind = GeometryKind.LineString, Positions = ReadPositions(ordinates) };
        return shape with { Parts = rings };
    }

    private Geometry[] ReadParts(int depth)
    {
        var parts = new Geometry[ReadCount(minimumSize: 9)];
        for (var index = 0; index < parts.Length; index++)
        {
            var bigEndian = _bigEndian;
            parts[index] = ReadGeometry(depth + 1);
            _bigEndian = bigEndian;
        }
        return parts;
    }

    private double[][] ReadPositions(int ordinates)
    {
        var positions = new double[ReadCount(minimumSize: ordinates * 8)][];
        for (var index = 0; index < positions.Length; index++)
            positions[index] = ReadPosition(ordinates);
        return positions;
    }

    private double[] ReadPosition(int ordinates)
    {
        var position = new double[ordinates];
        for (var index = 0; index < ordinates; index++)
            position[index] = _bigEndian ? BinaryPrimitives.ReadDoubleBigEndian(Take(8)) : BinaryPrimitives.ReadDoubleLittleEndian(Take(8));
        return position;
    }

    // A count larger than what is left could only make us reserve memory for nothing.
    private int ReadCount(int minimumSize)
    {
        var count = ReadUInt32();
        return count <= _rest.Length / minimumSize ? (int)count : throw Malformed();
    }

    private uint ReadUInt32() =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(Take(4)) : BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length)
            throw Malformed();
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }

    private static EvaluationException Malformed() => new("A value is no geometry in WKB or EWKB form.");
}

using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Geometries in WKB and EWKB, both byte orders, as GeoJSON, as WKT and as ordinates.</summary>
public sealed class GeometryTests
{
    private const string One = "000000000000F03F";
    private const string Two = "0000000000000040";
    private const string Three = "0000000000000840";
    private const string Half = "000000000000E03F";

    [Theory]
    [InlineData("0101000000" + One + Two, "{\"type\":\"Point\",\"coordinates\":[1.0,2.0]}", "POINT(1 2)")]
    [InlineData("0101000020E6100000" + One + Half, "{\"type\":\"Point\",\"coordinates\":[1.0,0.5]}", "POINT(1 0.5)")]
    [InlineData("00000000013FF00000000000004000000000000000", "{\"type\":\"Point\",\"coordinates\":[1.0,2.0]}", "POINT(1 2)")]
    [InlineData("0101000080" + One + Two + Three, "{\"type\":\"Point\",\"coordinates\":[1.0,2.0,3.0]}", null)]
    [InlineData("01E9030000" + One + Two + Three, "{\"type\":\"Point\",\"coordinates\":[1.0,2.0,3.0]}", null)]
    [InlineData("010200000002000000" + One + Two + Three + Half, "{\"type\":\"LineString\",\"coordinates\":[[1.0,2.0],[3.0,0.5]]}", "LINESTRING(1 2,3 0.5)")]
    [InlineData("01030000000100000002000000" + One + Two + Three + Half, "{\"type\":\"Polygon\",\"coordinates\":[[[1.0,2.0],[3.0,0.5]]]}", "POLYGON((1 2,3 0.5))")]
    [InlineData("010400000001000000" + "0101000000" + One + Two, "{\"type\":\"MultiPoint\",\"coordinates\":[[1.0,2.0]]}", "MULTIPOINT(1 2)")]
    [InlineData("010500000001000000" + "010200000001000000" + One + Two, "{\"type\":\"MultiLineString\",\"coordinates\":[[[1.0,2.0]]]}", "MULTILINESTRING((1 2))")]
    [InlineData("010700000002000000" + "0101000000" + One + Two + "0101000000" + Three + Half,
        "{\"type\":\"GeometryCollection\",\"geometries\":[{\"type\":\"Point\",\"coordinates\":[1.0,2.0]},{\"type\":\"Point\",\"coordinates\":[3.0,0.5]}]}",
        "GEOMETRYCOLLECTION(POINT(1 2),POINT(3 0.5))")]
    public void A_geometry(string hex, string geoJson, string? wkt)
    {
        foreach (var input in new[] { $"'{hex}'", $"'{hex.ToLowerInvariant()}'" })
        {
            for (var edition = 1; edition <= 3; edition++)
            {
                Assert.Equal($"\"{geoJson.Replace("\"", "\\\"", StringComparison.Ordinal)}\"", Evaluated.Of(edition, $"st_asgeojson({input})"));
                if (wkt is not null)
                    Assert.Equal($"\"{wkt}\"", Evaluated.Of(edition, $"ST_AsText({input})"));
            }
        }
    }

    [Theory]
    [InlineData("'0101000000" + One + Half + "'", "1.0", "0.5")]
    [InlineData("'010200000002000000" + One + Two + Three + Half + "'", "null", "null")]
    [InlineData("z", "null", "null")]
    [InlineData("t", Evaluated.Failed, Evaluated.Failed)]
    [InlineData("n", Evaluated.Failed, Evaluated.Failed)]
    [InlineData("b", Evaluated.Failed, Evaluated.Failed)]
    [InlineData("e", Evaluated.Failed, Evaluated.Failed)]
    [InlineData("'0102000000FFFFFFFF'", Evaluated.Failed, Evaluated.Failed)]
    public void Ordinates_are_of_points_only(string value, string x, string y)
    {
        Assert.Equal(x, Evaluated.Of(1, $"st_x({value})"));
        Assert.Equal(y, Evaluated.Of(3, $"st_y({value})"));
    }
}

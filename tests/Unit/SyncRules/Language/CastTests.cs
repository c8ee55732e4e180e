using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

public sealed class CastTests
{
    [Theory]
    [InlineData("n", "text", "\"7\"")]
    [InlineData("r", "text", "\"2.5\"")]
    [InlineData("w", "text", "\"2\"")]
    [InlineData("b", "text", "\"abc\"")]
    [InlineData("junk", "text", "\"\uFFFD\"")]
    [InlineData("z", "text", "null")]
    [InlineData("t", "text", "\"Text\"")]
    [InlineData("' 12abc'", "integer", "12")]
    [InlineData("'-7'", "integer", "-7")]
    [InlineData("'+7'", "integer", "7")]
    [InlineData("'1.9'", "integer", "1")]
    [InlineData("'1e3'", "integer", "1")]
    [InlineData("'x'", "integer", "0")]
    [InlineData("''", "integer", "0")]
    [InlineData("'- 5'", "integer", "0")]
    [InlineData("'99999999999999999999'", "integer", "9223372036854775807")]
    [InlineData("'-99999999999999999999'", "integer", "-9223372036854775808")]
    [InlineData("2.9", "integer", "2")]
    [InlineData("-2.9", "integer", "-3")]
    [InlineData("-2.0", "integer", "-2")]
    [InlineData("1e300", "integer", "9223372036854775807")]
    [InlineData("nan", "integer", "0")]
    [InlineData("CAST('12' AS blob)", "integer", "12")]
    [InlineData("b", "integer", "0")]
    [InlineData("z", "integer", "null")]
    [InlineData("7", "real", "7.0")]
    [InlineData("'2.5x'", "real", "2.5")]
    [InlineData("'.5'", "real", "0.5")]
    [InlineData("'5.'", "real", "5.0")]
    [InlineData("' 1e2'", "real", "100.0")]
    [InlineData("'-1.5E-1'", "real", "-0.15")]
    [InlineData("'1e'", "real", "1.0")]
    [InlineData("'x'", "real", "0.0")]
    [InlineData("'Infinity'", "real", "0.0")]
    [InlineData("'NaN'", "real", "0.0")]
    [InlineData("'1e999'", "real", "null")]
    [InlineData("b", "real", "0.0")]
    [InlineData("z", "real", "null")]
    [InlineData("big", "real", "9223372036854776000.0")]
    [InlineData("'12'", "numeric", "12")]
    [InlineData("'12.0'", "numeric", "12.0")]
    [InlineData("'12.5x'", "numeric", "12.5")]
    [InlineData("'1e2'", "numeric", "100.0")]
    [InlineData("'x'", "numeric", "0")]
    [InlineData("'9223372036854775808'", "numeric", "9223372036854776000.0")]
    [InlineData("7", "numeric", "7")]
    [InlineData("w", "numeric", "2.0")]
    [InlineData("z", "numeric", "null")]
    [InlineData("t", "blob", Evaluated.LeftOut)]
    [InlineData("z", "blob", "null")]
    public void A_cast(string value, string type, string json)
    {
        for (var edition = 1; edition <= 3; edition++)
        {
            Assert.Equal(json, Evaluated.Of(edition, $"CAST({value} AS {type})"));
            Assert.Equal(json, Evaluated.Of(edition, $"({value})::{type.ToUpperInvariant()}"));
        }
    }

    [Theory]
    [InlineData("t", "\"54657874\"")]
    [InlineData("n", "\"37\"")]
    [InlineData("w", "\"32\"")]
    [InlineData("'é'", "\"C3A9\"")]
    public void A_cast_to_blob_is_the_text_form_in_UTF_8(string value, string json)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal(json, Evaluated.Of(edition, $"hex(CAST({value} AS blob))"));
    }
}

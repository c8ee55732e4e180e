using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Comparison, truth, arithmetic, concatenation and membership, by types of their operands.</summary>
public sealed class OperatorTests
{
    [Theory]
    [InlineData("1 = 1.0", "1")]
    [InlineData("1 < 1.5", "1")]
    [InlineData("9007199254740993 = 9007199254740992.0", "0")]
    [InlineData("9007199254740993 > 9007199254740992.0", "1")]
    [InlineData("big < 9223372036854775808.0", "1")]
    [InlineData("small = -9223372036854775808.0", "1")]
    [InlineData("-1 > -1.5", "1")]
    [InlineData("'1' = 1", "0")]
    [InlineData("1 < '0'", "1")]
    [InlineData("2.5 < ''", "1")]
    [InlineData("'b' > 'a'", "1")]
    [InlineData("'B' < 'a'", "1")]
    [InlineData("'ab' > 'a'", "1")]
    [InlineData("'a' = 'A'", "0")]
    [InlineData("'\uFFFD' > '😀'", "1")]
    [InlineData("'z' < b", "1")]
    [InlineData("n < b", "1")]
    [InlineData("b = b", "1")]
    [InlineData("b < junk", "1")]
    [InlineData("b = t", "0")]
    [InlineData("z = 1", "null")]
    [InlineData("z = z", "null")]
    [InlineData("1 < z", "null")]
    [InlineData("1 >= z", "null")]
    [InlineData("n >= 7 ", "1")]
    [InlineData("n <= 6", "0")]
    [InlineData("n <> 7", "0")]
    [InlineData("yes = 1", "1")]
    [InlineData("no = false", "1")]
    [InlineData("z IS NULL", "1")]
    [InlineData("n IS NOT NULL", "1")]
    [InlineData("e IS NULL", "0")]
    public void Values_compare_by_class_and_then_exactly(string expression, string json) => AssertEverywhere(expression, json);

    [Fact]
    public void The_negated_comparison_with_null_differs_between_editions()
    {
        Assert.Equal("null", Evaluated.Of(1, "z != 1"));
        Assert.Equal("null", Evaluated.Of(2, "z != 1"));
        Assert.Equal("1", Evaluated.Of(3, "z != 1"));
        Assert.False(Evaluated.Passes(1, "z != 1"));
        Assert.True(Evaluated.Passes(3, "z != 1"));
        Assert.True(Evaluated.Passes(3, "z NOT IN arr"));
        Assert.True(Evaluated.Passes(3, "z NOT BETWEEN 1 AND 2"));
    }

    [Theory]
    [InlineData("z", false)]
    [InlineData("0", false)]
    [InlineData("0.0", false)]
    [InlineData("-1", true)]
    [InlineData("0.1", true)]
    [InlineData("'1x'", true)]
    [InlineData("' 7'", true)]
    [InlineData("'-2'", true)]
    [InlineData("'+3'", true)]
    [InlineData("'0.5'", false)]
    [InlineData("'true'", false)]
    [InlineData("'abc'", false)]
    [InlineData("''", false)]
    [InlineData("'0'", false)]
    [InlineData("b", false)]
    [InlineData("CAST('1' AS blob)", false)]
    [InlineData("true", true)]
    public void Truth_is_the_leading_integer(string value, bool isTrue)
    {
        for (var edition = 1; edition <= 3; edition++)
        {
            Assert.Equal(isTrue, Evaluated.Passes(edition, value));
            Assert.Equal(isTrue ? "0" : "1", Evaluated.Of(edition, $"NOT {value}"));
            Assert.Equal(isTrue ? "1" : "0", Evaluated.Of(edition, $"{value} AND 1"));
            Assert.Equal(isTrue ? "1" : "0", Evaluated.Of(edition, $"{value} OR 0"));
            Assert.Equal(isTrue ? "1" : "2", Evaluated.Of(edition, $"iif({value}, 1, 2)"));
        }
        Assert.Equal(isTrue ? "1" : "2", Evaluated.Of(3, $"CASE WHEN {value} THEN 1 ELSE 2 END"));
    }

    [Theory]
    [InlineData("z AND 1", "0")]
    [InlineData("z OR 1", "1")]
    [InlineData("z OR z", "0")]
    [InlineData("NOT z", "1")]
    [InlineData("NOT NOT z", "0")]
    public void Logic_never_gives_null(string expression, string json) => AssertEverywhere(expression, json);

    [Theory]
    [InlineData("5 IS TRUE", "0")]
    [InlineData("1 IS TRUE", "1")]
    [InlineData("1.0 IS TRUE", "1")]
    [InlineData("'1' IS TRUE", "0")]
    [InlineData("z IS TRUE", "0")]
    [InlineData("z IS NOT TRUE", "1")]
    [InlineData("0 IS FALSE", "1")]
    [InlineData("z IS FALSE", "0")]
    [InlineData("5 IS NOT FALSE", "1")]
    [InlineData("z BETWEEN 1 AND 2", "null")]
    [InlineData("1 BETWEEN z AND 2", "null")]
    [InlineData("5 BETWEEN 9 AND z", "null")]
    [InlineData("n BETWEEN 7 AND 7", "1")]
    [InlineData("n BETWEEN 8 AND 9", "0")]
    [InlineData("n NOT BETWEEN 8 AND 9", "1")]
    [InlineData("'5' BETWEEN 1 AND 9", "0")]
    [InlineData("CASE z WHEN z THEN 1 ELSE 2 END", "2")]
    [InlineData("CASE n WHEN '7' THEN 1 WHEN 7.0 THEN 2 END", "2")]
    [InlineData("CASE n WHEN 1 THEN 1 END", "null")]
    [InlineData("CASE WHEN z THEN 1 WHEN n > 1 THEN 'x' END", "\"x\"")]
    [InlineData("n IN ARRAY[1, 7.0]", "1")]
    [InlineData("n IN ARRAY['7']", "0")]
    [InlineData("n IN ARRAY[1, z]", "null")]
    [InlineData("n IN ARRAY[7, z]", "1")]
    [InlineData("z IN ARRAY[1]", "null")]
    [InlineData("z IN ARRAY[]", "null")]
    [InlineData("n IN ARRAY[]", "0")]
    [InlineData("n IN ROW(7, 8)", "1")]
    [InlineData("n NOT IN ARRAY[7]", "0")]
    [InlineData("n NOT IN ARRAY[1, z]", "1")]
    [InlineData("arr && '[9, \"x\"]'", "1")]
    [InlineData("arr && '[9]'", "0")]
    [InlineData("arr && '[null]'", "0")]
    [InlineData("arr && z", "null")]
    [InlineData("arr && 5", Evaluated.Failed)]
    [InlineData("1 NOT IN arr", "0")]
    [InlineData("9 NOT IN arr", "1")]
    public void Forms_of_edition_three(string expression, string json) => Assert.Equal(json, Evaluated.Of(3, expression));

    [Theory]
    [InlineData("1 + 2", "3")]
    [InlineData("1 + 2.0", "3.0")]
    [InlineData("7 / 2", "3")]
    [InlineData("-7 / 2", "-3")]
    [InlineData("7.0 / 2", "3.5")]
    [InlineData("1 / 0", "null")]
    [InlineData("1.5 / 0", "null")]
    [InlineData("1 / 0.0", "null")]
    [InlineData("0.0 / 0", "null")]
    [InlineData("z + 1", "null")]
    [InlineData("1 * z", "null")]
    [InlineData("'5' + 1", "6")]
    [InlineData("'5x' + 1", "6")]
    [InlineData("' 5.5abc' + 1", "6.5")]
    [InlineData("'abc' + 1", "1")]
    [InlineData("'' + 1", "1")]
    [InlineData("'1e2' + 1", "101.0")]
    [InlineData("CAST('12' AS blob) + 1", "13")]
    [InlineData("b + 1", "1")]
    [InlineData("yes + yes", "2")]
    [InlineData("big + 1", "9223372036854776000.0")]
    [InlineData("big - -1", "9223372036854776000.0")]
    [InlineData("small - 1", "-9223372036854776000.0")]
    [InlineData("big * 2", "18446744073709552000.0")]
    [InlineData("small / -1", "9223372036854776000.0")]
    [InlineData("big + 0", "9223372036854775807")]
    [InlineData("2 * 3.5", "7.0")]
    [InlineData("0.1 + 0.2", "0.30000000000000004")]
    [InlineData("1e300 * 1e300", "null")]
    [InlineData("n - 2", "5")]
    public void Arithmetic(string expression, string json) => AssertEverywhere(expression, json);

    [Theory]
    [InlineData("7 % 3", "1")]
    [InlineData("-7 % 3", "-1")]
    [InlineData("7 % 0", "null")]
    [InlineData("7.9 % 3", "1.0")]
    [InlineData("'7' % 3", "1")]
    [InlineData("small % -1", "0")]
    [InlineData("z % 3", "null")]
    [InlineData("6 & 3", "2")]
    [InlineData("6 | 3", "7")]
    [InlineData("1 << 4", "16")]
    [InlineData("1 << 64", "0")]
    [InlineData("16 >> 2", "4")]
    [InlineData("-1 >> 70", "-1")]
    [InlineData("1 << -1", "0")]
    [InlineData("16 >> -1", "32")]
    [InlineData("'6x' & 3", "2")]
    [InlineData("6.9 & 3", "2")]
    [InlineData("z & 3", "null")]
    public void Integer_operators_of_edition_three_are_SQLites(string expression, string json) => Assert.Equal(json, Evaluated.Of(3, expression));

    [Theory]
    [InlineData("'a' || 1", "\"a1\"")]
    [InlineData("1 || 2.5", "\"12.5\"")]
    [InlineData("w || ''", "\"2\"")]
    [InlineData("2.0 || ''", "\"2\"")]
    [InlineData("1e21 || ''", "\"1e+21\"")]
    [InlineData("0.0000001 || ''", "\"1e-7\"")]
    [InlineData("0.000001 || ''", "\"0.000001\"")]
    [InlineData("123456789012345680000.0 || ''", "\"123456789012345680000\"")]
    [InlineData("(0 - 0.0) || ''", "\"0\"")]
    [InlineData("-0.0 || ''", "\"0\"")]
    [InlineData("big || ''", "\"9223372036854775807\"")]
    [InlineData("yes || ''", "\"1\"")]
    [InlineData("b || t", "\"abcText\"")]
    [InlineData("junk || 'x'", "\"\uFFFDx\"")]
    [InlineData("z || 'a'", "null")]
    [InlineData("'a' || z", "null")]
    [InlineData("e || e", "\"\"")]
    public void Concatenation_joins_text_forms(string expression, string json) => AssertEverywhere(expression, json);

    [Theory]
    [InlineData("1 IN arr", "1")]
    [InlineData("2 IN arr", "1")]
    [InlineData("1.0 IN arr", "1")]
    [InlineData("'1' IN arr", "0")]
    [InlineData("'x' IN arr", "1")]
    [InlineData("'{\"k\":[1]}' IN arr", "1")]
    [InlineData("9 IN arr", "0")]
    [InlineData("z IN arr", "null")]
    [InlineData("1 IN z", "null")]
    [InlineData("1 IN '[true]'", "1")]
    [InlineData("0 IN '[false]'", "1")]
    [InlineData("'null' IN '[null]'", "0")]
    [InlineData("1 IN '[]'", "0")]
    [InlineData("1 IN j", Evaluated.Failed)]
    [InlineData("1 IN 'x'", Evaluated.Failed)]
    [InlineData("1 IN n", Evaluated.Failed)]
    [InlineData("1 IN b", Evaluated.Failed)]
    [InlineData("1 IN ('[1]')", "1")]
    public void Membership_in_a_list(string expression, string json) => AssertEverywhere(expression, json);

    private static void AssertEverywhere(string expression, string json)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal(json, Evaluated.Of(edition, expression));
    }
}

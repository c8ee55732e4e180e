using System.Buffers;
using System.Text.Json;
using TopGun.Buckets.Protocol.Bson;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

public class BsonReaderTests
{
    [Theory]
    [InlineData(
        "7600000010610001000000016200000000000000F83F02630003000000C3A900036400140000000465000C00000008300001" +
        "0A31000000126600010000000000200001670000000000000000400968000068E5CF8B010000076900000102030405060708" +
        "090A0B066A00016B00000000000000F87F00",
        """{"a":1,"b":1.5,"c":"é","d":{"e":[true,null]},"f":9007199254740993,"g":2,"h":1700000000000,"i":"000102030405060708090a0b","j":null,"k":null}""")]
    [InlineData("0500000000", "{}")]
    public void A_document_becomes_JSON(string hex, string json)
    {
        var read = BsonText.ToJson(Convert.FromHexString(hex));

        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(json), JsonElement.Parse(read)), read);
    }

    [Theory]
    [InlineData("", "its length is not the one it states")]
    [InlineData("05000000", "its length is not the one it states")]
    [InlineData("0600000000", "its length is not the one it states")]
    [InlineData("0500000001", "a document does not end with zero")]
    [InlineData("0800000010616200", "a key does not end")]
    [InlineData("0800000013610000", "it holds a type of value that messages do not have")]
    [InlineData("0D000000026100010000007800", "a text does not end with zero")]
    [InlineData("0C0000000261000000000000", "a text does not end with zero")]
    [InlineData("0E000000026100FFFFFF7F610000", "a value is longer than what is there")]
    [InlineData("0E000000026100FFFFFFFF610000", "a value is longer than what is there")]
    [InlineData("0A000000106100010200", "a value is longer than what is there")]
    [InlineData("0E00000002610002000000FF0000", "a text is not UTF-8")]
    [InlineData("080000000AFF0000", "a key is not UTF-8")]
    [InlineData("0C0000000361000400000000", "a document is too short")]
    public void What_is_wrong_is_named(string hex, string problem)
    {
        using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());

        Assert.Equal(problem, BsonReader.TryConvert(Convert.FromHexString(hex), json));
    }

    [Fact]
    public void Nesting_has_a_limit()
    {
        var document = new byte[] { 5, 0, 0, 0, 0 };
        for (var depth = 0; depth < 100; depth++)
            document = [.. BitConverter.GetBytes(document.Length + 8), 3, (byte)'a', 0, .. document, 0];
        using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());

        Assert.Equal("it is nested too deeply", BsonReader.TryConvert(document, json));
    }
}

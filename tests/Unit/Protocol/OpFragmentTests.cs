using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

public class OpFragmentTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(40)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(5000)]
    public void A_string_of_any_length_with_an_escape_anywhere_is_escaped_where_it_has_to_be(int length)
    {
        foreach (var escaped in "\"\\\n\r\t\0\u001f\u0008")
        {
            foreach (var position in (int[])[0, 1, 14, 15, 16, 17, 1022, 1023, 1024, length - 1])
            {
                var text = new StringBuilder(new string('é', length / 2) + new string('x', length - length / 2));
                if (position >= 0 && position < length)
                    text[position] = escaped;

                AssertWritten(text.ToString());
            }
        }
    }

    [Fact]
    public void A_string_of_nothing_but_escapes_has_room()
    {
        AssertWritten(string.Concat(Enumerable.Repeat("\u0001\"", 3000)));
        AssertWritten("{\"a\":\"b\\\\c\",\"d\":[\"\u007f\",\"\u0020\"]}");
    }

    private static void AssertWritten(string text)
    {
        var output = new ArrayBufferWriter<byte>();

        OpFragment.WriteString(output, Encoding.UTF8.GetBytes(text));

        var written = Encoding.UTF8.GetString(output.WrittenSpan);
        Assert.Equal($"\"{string.Concat(text.Select(Escaped))}\"", written);
        Assert.Equal(text, JsonSerializer.Deserialize<string>(written));
    }

    private static string Escaped(char letter) => letter switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < ' ' => "\\u" + ((int)letter).ToString("x4", CultureInfo.InvariantCulture),
        _ => letter.ToString(),
    };
}

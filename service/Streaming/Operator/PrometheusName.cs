using System.Text;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Names as Prometheus wants them: letters, digits and underscores, with the unit at the end, and <c>_total</c> behind what only grows.</summary>
internal static class PrometheusName
{
    public static string Of(string name, string? unit, bool isCounter)
    {
        var text = Of(name);
        var suffix = unit switch
        {
            "By" => "_bytes",
            "s" => "_seconds",
            _ => "", // counts of things and parts of one
        };
        if (!text.EndsWith(suffix, StringComparison.Ordinal))
            text += suffix;
        return isCounter ? text + "_total" : text;
    }

    public static string Of(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var letter in name)
            text.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '_');
        return text.ToString();
    }
}

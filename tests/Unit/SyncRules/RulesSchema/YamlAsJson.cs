using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace TopGun.Buckets.Tests.Unit.SyncRules.RulesSchema;

/// <summary>A YAML file as an editor's schema checker sees it: plain scalars are typed by YAML's core schema.</summary>
internal static class YamlAsJson
{
    /// <exception cref="YamlException">The text is not YAML.</exception>
    public static JsonElement Read(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return JsonSerializer.SerializeToElement(stream.Documents.Count == 0 ? null : Convert(stream.Documents[0].RootNode));
    }

    private static JsonNode? Convert(YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode map:
                var members = new JsonObject();
                foreach (var (key, value) in map.Children)
                    members[((YamlScalarNode)key).Value ?? ""] = Convert(value);
                return members;
            case YamlSequenceNode list:
                return new JsonArray([.. list.Children.Select(Convert)]);
            case YamlScalarNode { Style: ScalarStyle.Plain } scalar:
                return Typed(scalar.Value ?? "");
            default:
                return JsonValue.Create(((YamlScalarNode)node).Value ?? "");
        }
    }

    private static JsonValue? Typed(string plain)
    {
        if (plain is "" or "~" or "null" or "Null" or "NULL")
            return null;
        if (plain is "true" or "True" or "TRUE" or "false" or "False" or "FALSE")
            return JsonValue.Create(plain is "true" or "True" or "TRUE");
        if (long.TryParse(plain, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            return JsonValue.Create(integer);
        return double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? JsonValue.Create(number)
            : JsonValue.Create(plain);
    }
}

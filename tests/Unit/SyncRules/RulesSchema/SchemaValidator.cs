using System.Text.Json;
using System.Text.RegularExpressions;

namespace TopGun.Buckets.Tests.Unit.SyncRules.RulesSchema;

/// <summary>Validates against the part of JSON Schema that our own schemas use. A keyword that it does not know is a failure, never ignored.</summary>
/// <param name="root">Where references begin.</param>
/// <param name="entry">The schema, when it is not the root itself.</param>
internal sealed class SchemaValidator(JsonElement root, JsonElement? entry = null)
{
    private static readonly string[] Annotations = ["$schema", "title", "description", "default", "definitions"];

    /// <summary>Where the document breaks the schema, as pointers into the document.</summary>
    public IReadOnlyList<string> Validate(JsonElement document) => [.. Check(entry ?? root, document, "")];

    private IEnumerable<string> Check(JsonElement schema, JsonElement value, string place)
    {
        if (schema.ValueKind == JsonValueKind.True)
            return [];
        if (schema.ValueKind == JsonValueKind.False)
            return [$"{place}: not possible here"];
        return schema.EnumerateObject().SelectMany(keyword => Check(schema, keyword.Name, keyword.Value, value, place));
    }

    private IEnumerable<string> Check(JsonElement schema, string keyword, JsonElement argument, JsonElement value, string place)
    {
        switch (keyword)
        {
            case "$ref":
                return Check(Resolve(argument.GetString()!), value, place);
            case "type":
                return Types(argument).Any(type => Is(value, type)) ? [] : [$"{place}: no {argument}"];
            case "format" when argument.ValueEquals("date-time"):
                return value.ValueKind != JsonValueKind.String || value.TryGetDateTimeOffset(out _) ? [] : [$"{place}: no time"];
            case "pattern":
                return value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, argument.GetString()!) ? [] : [$"{place}: not like {argument}"];
            case "enum":
                return argument.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)) ? [] : [$"{place}: none of {argument}"];
            case "const":
                return JsonElement.DeepEquals(argument, value) ? [] : [$"{place}: not {argument}"];
            case "minimum":
                return value.ValueKind != JsonValueKind.Number || value.GetDouble() >= argument.GetDouble() ? [] : [$"{place}: less than {argument}"];
            case "maximum":
                return value.ValueKind != JsonValueKind.Number || value.GetDouble() <= argument.GetDouble() ? [] : [$"{place}: more than {argument}"];
            case "minItems":
                return value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= argument.GetInt32() ? [] : [$"{place}: too few items"];
            case "items":
                return value.ValueKind != JsonValueKind.Array
                    ? []
                    : value.EnumerateArray().SelectMany((item, index) => Check(argument, item, $"{place}/{index}"));
            case "required":
                return value.ValueKind != JsonValueKind.Object
                    ? []
                    : argument.EnumerateArray().Where(name => !value.TryGetProperty(name.GetString()!, out _)).Select(name => $"{place}: no '{name}'");
            case "properties":
                return value.ValueKind != JsonValueKind.Object
                    ? []
                    : value.EnumerateObject()
                        .Where(member => argument.TryGetProperty(member.Name, out _))
                        .SelectMany(member => Check(argument.GetProperty(member.Name), member.Value, $"{place}/{member.Name}"));
            case "additionalProperties":
                return value.ValueKind != JsonValueKind.Object
                    ? []
                    : value.EnumerateObject()
                        .Where(member => !schema.TryGetProperty("properties", out var known) || !known.TryGetProperty(member.Name, out _))
                        .SelectMany(member => Check(argument, member.Value, $"{place}/{member.Name}"));
            case "allOf":
                return argument.EnumerateArray().SelectMany(one => Check(one, value, place));
            case "anyOf":
                return argument.EnumerateArray().Any(one => Holds(one, value)) ? [] : [$"{place}: none of the forms"];
            case "oneOf":
                return argument.EnumerateArray().Count(one => Holds(one, value)) == 1 ? [] : [$"{place}: not exactly one of the forms"];
            case "if":
                return schema.TryGetProperty(Holds(argument, value) ? "then" : "else", out var branch) ? Check(branch, value, place) : [];
            case "then" or "else":
                return schema.TryGetProperty("if", out _) ? [] : throw new NotSupportedException($"'{keyword}' without 'if'.");
            default:
                return Annotations.Contains(keyword) ? [] : throw new NotSupportedException($"The schema uses the keyword '{keyword}', which this validator does not know.");
        }
    }

    private bool Holds(JsonElement schema, JsonElement value) => !Check(schema, value, "").Any();

    private JsonElement Resolve(string reference)
    {
        if (!reference.StartsWith("#/", StringComparison.Ordinal))
            throw new NotSupportedException($"The reference '{reference}' leads out of the schema.");
        return reference[2..].Split('/').Aggregate(root, (owner, name) => owner.GetProperty(name));
    }

    private static IEnumerable<string> Types(JsonElement argument) =>
        argument.ValueKind == JsonValueKind.Array ? argument.EnumerateArray().Select(static type => type.GetString()!) : [argument.GetString()!];

    private static bool Is(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        _ => throw new NotSupportedException($"The schema uses the type '{type}', which this validator does not know."),
    };
}

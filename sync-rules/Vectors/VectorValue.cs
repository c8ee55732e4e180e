using System.Globalization;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Vectors;

/// <summary>Values as conformance vectors write them: plain JSON, and objects such as <c>{"$real": 1}</c> for what JSON cannot tell apart.</summary>
/// <remarks>A plain array is a Postgres array, also inside another, and a plain object a composite value.</remarks>
internal static class VectorValue
{
    /// <exception cref="EvaluationException">The value nests too deep.</exception>
    public static SqlValue Read(JsonElement element, RulesSettings settings)
    {
        var scratch = new Scratch();
        switch (element.ValueKind)
        {
            case JsonValueKind.Null:
                return SqlValue.Null;
            case JsonValueKind.String:
                return SqlValue.FromText(element.GetString()!);
            case JsonValueKind.True or JsonValueKind.False:
                return SqlValue.FromBoolean(element.ValueKind == JsonValueKind.True);
            case JsonValueKind.Number:
                return JsonReading.ToNumber(Encoding.UTF8.GetBytes(element.GetRawText()), allReal: false);
        }
        var (tag, content) = Tagged(element);
        return tag switch
        {
            "$int" => JsonReading.ToNumber(Encoding.UTF8.GetBytes(content.GetString()!), allReal: false),
            "$real" => SqlValue.FromReal(content.GetDouble()),
            "$blob" => SqlValue.FromBlob(Convert.FromHexString(content.GetString()!)),
            "$json" => SqlValue.FromText(content.GetString()!),
            "$timestamptz" => settings.Time.Timestamp(Bytes(content), hasZone: true, scratch),
            "$timestamp" => settings.Time.Timestamp(Bytes(content), hasZone: false, scratch),
            "$time" => settings.Time.Time(Bytes(content), scratch),
            "$array" or "$object" => SqlValue.FromText(ReadContainer(element, settings)),
            _ => throw new FormatException($"Unknown kind of value '{tag}'."),
        };
    }

    /// <summary>Writes a value that was read from row data or a record, told apart by how its number is written.</summary>
    public static void Write(Utf8JsonWriter target, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Number)
        {
            element.WriteTo(target);
            return;
        }
        var text = element.GetRawText();
        if (text.AsSpan().IndexOfAny('.', 'e') >= 0)
        {
            target.WriteStartObject();
            target.WriteNumber("$real", element.GetDouble());
            target.WriteEndObject();
        }
        else if (long.Parse(text, CultureInfo.InvariantCulture) is var integer && integer is > (1L << 53) or < -(1L << 53))
        {
            target.WriteStartObject();
            target.WriteString("$int", text);
            target.WriteEndObject();
        }
        else
        {
            target.WriteNumberValue(integer);
        }
    }

    private static byte[] ReadContainer(JsonElement element, RulesSettings settings)
    {
        var target = new ByteBuffer();
        WriteContainer(target, element, settings, depth: 1);
        return target.Written.ToArray();
    }

    private static void WriteContainer(ByteBuffer target, JsonElement element, RulesSettings settings, int depth)
    {
        if (depth > PostgresArray.MaxDepth)
            throw new EvaluationException($"A column's value nests more than {PostgresArray.MaxDepth} containers.");
        var (tag, content) = Tagged(element);
        var isArray = tag == "$array";
        target.Add((byte)(isArray ? '[' : '{'));
        var start = target.Length;
        if (isArray)
        {
            foreach (var item in content.EnumerateArray())
                WriteMember(target, start, null, item, settings, depth);
        }
        else
        {
            foreach (var member in content.EnumerateObject())
                WriteMember(target, start, member.Name, member.Value, settings, depth);
        }
        target.Add((byte)(isArray ? ']' : '}'));
    }

    private static void WriteMember(
        ByteBuffer target, int start, string? name, JsonElement member, RulesSettings settings, int depth)
    {
        var tag = member.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? Tagged(member).Tag : "";
        if (tag == "$blob" && name is not null)
            return;
        if (target.Length > start)
            target.Add((byte)',');
        if (name is not null)
        {
            JsonText.WriteString(target, Encoding.UTF8.GetBytes(name));
            target.Add((byte)':');
        }
        switch (tag)
        {
            case "$array" or "$object":
                WriteContainer(target, member, settings, depth + 1);
                break;
            case "$json":
                target.Add(Bytes(Tagged(member).Content));
                break;
            default:
                JsonText.WriteValue(target, Read(member, settings));
                break;
        }
    }

    private static (string Tag, JsonElement Content) Tagged(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
            return ("$array", element);
        foreach (var member in element.EnumerateObject())
            return member.Name.StartsWith('$') ? (member.Name, member.Value) : ("$object", element);
        return ("$object", element);
    }

    private static byte[] Bytes(JsonElement text) => Encoding.UTF8.GetBytes(text.GetString()!);
}

using System.Text.Json;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Where a path leads in JSON without blanks, as far as it can be followed.</summary>
/// <param name="Entry">Where the value's entry begins: at its label in an object, otherwise at the value.</param>
/// <param name="Start">Where the value begins.</param>
/// <param name="End">Behind the value.</param>
/// <param name="Taken">How many steps led somewhere.</param>
internal readonly record struct JsonPlace(int Entry, int Start, int End, int Taken)
{
    public static JsonPlace Find(ReadOnlySpan<byte> json, JsonStep[] steps)
    {
        var place = new JsonPlace(0, 0, json.Length, 0);
        foreach (var step in steps)
        {
            if (!TryEnter(json[place.Start..place.End], step, out var child))
                break;
            place = new JsonPlace(place.Start + child.Entry, place.Start + child.Start, place.Start + child.End, place.Taken + 1);
        }
        return place;
    }

    /// <summary>Whether the rest of the path can be created here: a member anywhere, an element only right behind the last one, and what is new itself only with <c>[0]</c>.</summary>
    public bool CanCreate(ReadOnlySpan<byte> json, JsonStep[] steps)
    {
        var next = steps[Taken];
        if (json[Start] != (next.Kind == JsonStepKind.Member ? (byte)'{' : (byte)'['))
            return false;
        if (next.Kind == JsonStepKind.Position && next.Offset != CountOf(json[Start..End]))
            return false;
        if (next.Kind == JsonStepKind.FromEnd && next.Offset != 0)
            return false;
        foreach (var later in steps.AsSpan(Taken + 1))
        {
            if (later.Kind != JsonStepKind.Member && later is not { Kind: JsonStepKind.Position, Offset: 0 })
                return false;
        }
        return true;
    }

    private static bool TryEnter(ReadOnlySpan<byte> json, JsonStep step, out JsonPlace child)
    {
        child = default;
        var reader = JsonReading.Open(json);
        reader.Read();
        var isMember = step.Kind == JsonStepKind.Member;
        if (reader.TokenType != (isMember ? JsonTokenType.StartObject : JsonTokenType.StartArray))
            return false;
        var wanted = step.Kind == JsonStepKind.FromEnd ? CountOf(json) - step.Offset : step.Offset;
        for (long index = 0; reader.Read() && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray); index++)
        {
            var entry = (int)reader.TokenStartIndex;
            var matches = index == wanted;
            if (isMember)
            {
                matches = JsonEscapes.AreEqual(reader.ValueSpan, reader.ValueIsEscaped, step.Key);
                reader.Read();
            }
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (!matches)
                continue;
            child = new JsonPlace(entry, start, (int)reader.BytesConsumed, 0);
            return true;
        }
        return false;
    }

    private static long CountOf(ReadOnlySpan<byte> array)
    {
        var reader = JsonReading.Open(array);
        reader.Read();
        long count = 0;
        for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; count++)
            reader.Skip();
        return count;
    }
}

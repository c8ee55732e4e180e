using System.Collections.Frozen;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Every scalar function, by name.</summary>
internal static class FunctionCatalog
{
    private static readonly FrozenDictionary<string, ScalarFunction> Functions = new ScalarFunction[]
    {
        new("upper", 1, 1, TextFunctions.Upper),
        new("lower", 1, 1, TextFunctions.Lower),
        new("substring", 2, 3, TextFunctions.Substring),
        new("length", 1, 1, TextFunctions.Length),
        new("instr", 2, 2, TextFunctions.Instr),
        new("hex", 1, 1, BinaryFunctions.Hex),
        new("base64", 1, 1, BinaryFunctions.Base64),
        new("uuid_blob", 1, 1, BinaryFunctions.UuidBlob),
        new("typeof", 1, 1, BinaryFunctions.TypeOf),
        new("ifnull", 2, 2, ConditionalFunctions.IfNull),
        new("iif", 3, 3, ConditionalFunctions.Iif),
        new("unixepoch", 1, 3, DateFunctions.UnixEpoch),
        new("datetime", 1, 3, DateFunctions.DateTimeText),
        new("json_array_length", 1, 2, JsonFunctions.ArrayLength),
        new("json_valid", 1, 1, JsonFunctions.Valid),
        new("json_keys", 1, 1, JsonFunctions.Keys),
        new("st_asgeojson", 1, 1, GeometryFunctions.AsGeoJson),
        new("st_astext", 1, 1, GeometryFunctions.AsText),
        new("st_x", 1, 1, GeometryFunctions.X),
        new("st_y", 1, 1, GeometryFunctions.Y),
    }.ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);

    // Functions that SQLite computes otherwise than the field's services do.
    private static readonly FrozenDictionary<string, ScalarFunction> ExactFunctions = new ScalarFunction[]
    {
        new("upper", 1, 1, ExactFunctionBodies.Upper),
        new("lower", 1, 1, ExactFunctionBodies.Lower),
        new("substring", 2, 3, ExactFunctionBodies.Substring),
        new("length", 1, 1, ExactFunctionBodies.Length),
        new("instr", 2, 2, ExactFunctionBodies.Instr),
        new("hex", 1, 1, ExactFunctionBodies.Hex),
        new("json_extract", 2, 2, ExactFunctionBodies.JsonExtract),
        new("json_array_length", 1, 2, ExactFunctionBodies.JsonArrayLength),
    }.ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, ScalarFunction> JsonExtract = new[] { false, true }
        .Select(nullText => new ScalarFunction(
            nullText ? "json_extract:nulltext" : "json_extract", 2, 2, (arguments, context) => JsonFunctions.Extract(arguments, nullText, context)))
        .ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);

    /// <summary>Names that exist in SQL databases but depend on more than their arguments.</summary>
    public static readonly FrozenSet<string> Forbidden =
        new[] { "random", "randomblob", "now", "current_timestamp", "count", "sum", "avg", "min", "max", "total", "group_concat", "row_number" }
            .ToFrozenSet(StringComparer.Ordinal);

    public static IEnumerable<string> Names => Functions.Keys.Append("json_extract").Order(StringComparer.Ordinal);

    /// <param name="name">In lower case.</param>
    /// <param name="nullIsText">JSON null is read as the text <c>null</c>.</param>
    /// <param name="isExact">As SQLite computes it.</param>
    public static ScalarFunction? Find(string name, bool nullIsText, bool isExact)
    {
        if (isExact && ExactFunctions.TryGetValue(name, out var exact))
            return exact;
        return name == "json_extract"
            ? JsonExtract[nullIsText ? "json_extract:nulltext" : "json_extract"]
            : Functions.GetValueOrDefault(name);
    }
}

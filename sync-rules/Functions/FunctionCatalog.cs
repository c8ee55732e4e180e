using System.Collections.Frozen;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Every scalar function, by name.</summary>
internal static class FunctionCatalog
{
    private static readonly FrozenDictionary<string, ScalarFunction> Functions = ByName(
    [
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
        new("json_extract", 2, 2, (arguments, context) => JsonFunctions.Extract(arguments, nullIsText: false, context)),
        new("json_array_length", 1, 2, JsonFunctions.ArrayLength),
        new("json_valid", 1, 1, JsonFunctions.Valid),
        new("json_keys", 1, 1, JsonFunctions.Keys),
        new("st_asgeojson", 1, 1, GeometryFunctions.AsGeoJson),
        new("st_astext", 1, 1, GeometryFunctions.AsText),
        new("st_x", 1, 1, GeometryFunctions.X),
        new("st_y", 1, 1, GeometryFunctions.Y),
    ]);

    private static readonly ScalarFunction JsonExtractWithNullText =
        new("json_extract:nulltext", 2, 2, (arguments, context) => JsonFunctions.Extract(arguments, nullIsText: true, context));

    // Functions that SQLite computes otherwise than the field's services do.
    private static readonly FrozenDictionary<string, ScalarFunction> ExactFunctions = ByName(
    [
        new("upper", 1, 1, ExactFunctionBodies.Upper),
        new("lower", 1, 1, ExactFunctionBodies.Lower),
        new("substring", 2, 3, ExactFunctionBodies.Substring),
        new("length", 1, 1, ExactFunctionBodies.Length),
        new("instr", 2, 2, ExactFunctionBodies.Instr),
        new("hex", 1, 1, ExactFunctionBodies.Hex),
        new("json_extract", 2, 2, ExactFunctionBodies.JsonExtract),
        new("json_array_length", 1, 2, ExactFunctionBodies.JsonArrayLength),
        new("unixepoch", 1, SqliteLibrary.Any, SqliteDateFunctions.UnixEpoch),
        new("datetime", 1, SqliteLibrary.Any, SqliteDateFunctions.DateTimeText),
    ]);

    private static readonly FrozenDictionary<string, ScalarFunction> Library = ByName(SqliteLibrary.Functions(isExact: false));

    private static readonly FrozenDictionary<string, ScalarFunction> ExactLibrary = ByName(SqliteLibrary.Functions(isExact: true));

    // With the switch it takes several paths.
    private static readonly (ScalarFunction Exact, ScalarFunction Fixed, ScalarFunction WithNullText) JsonExtracts = (
        SqliteLibrary.WithSeveralPaths(ExactFunctions["json_extract"], isExact: true),
        SqliteLibrary.WithSeveralPaths(Functions["json_extract"], isExact: false),
        SqliteLibrary.WithSeveralPaths(JsonExtractWithNullText, isExact: false));

    // Names that exist in SQL databases but depend on more than their arguments.
    private static readonly FrozenSet<string> Forbidden =
        new[] { "random", "randomblob", "now", "current_timestamp", "count", "sum", "avg", "min", "max", "total", "group_concat", "row_number" }
            .ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The functions of a file, for suggestions.</summary>
    public static IEnumerable<string> NamesFor(RulesSettings settings) =>
        (settings.SqliteFunctions ? Functions.Keys.Concat(Library.Keys) : Functions.Keys).Order(StringComparer.Ordinal);

    /// <summary>Whether a call can have no value here: aggregates, and functions of a clock or of chance.</summary>
    public static bool IsForbidden(string name, int argumentCount, RulesSettings settings) =>
        Forbidden.Contains(name) && !(settings.SqliteFunctions && Library.ContainsKey(name) && argumentCount > 1);

    /// <summary>Whether a name only lacks the switch that brings SQLite's functions.</summary>
    public static bool IsInLibrary(string name) => Library.ContainsKey(name);

    /// <param name="name">In lower case.</param>
    /// <param name="settings">Of the file.</param>
    public static ScalarFunction? Find(string name, RulesSettings settings)
    {
        if (name == "json_extract" && settings.SqliteFunctions)
            return settings.SqliteExact ? JsonExtracts.Exact : settings.FixedJsonExtract ? JsonExtracts.Fixed : JsonExtracts.WithNullText;
        if (settings.SqliteExact && ExactFunctions.TryGetValue(name, out var exact))
            return exact;
        if (name == "json_extract" && !settings.FixedJsonExtract)
            return JsonExtractWithNullText;
        if (Functions.TryGetValue(name, out var common))
            return common;
        return settings.SqliteFunctions ? (settings.SqliteExact ? ExactLibrary : Library).GetValueOrDefault(name) : null;
    }

    private static FrozenDictionary<string, ScalarFunction> ByName(IEnumerable<ScalarFunction> functions) =>
        functions.ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);
}

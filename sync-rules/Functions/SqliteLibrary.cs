namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>The functions that the switch <c>sqlite_functions</c> adds: SQLite's, as far as their result depends on their arguments alone.</summary>
// https://www.sqlite.org/lang_corefunc.html, lang_datefunc.html, lang_mathfunc.html, json1.html
internal static class SqliteLibrary
{
    /// <summary>No upper limit of arguments.</summary>
    public const int Any = int.MaxValue;

    /// <param name="isExact">Whether text forms of numbers, lengths and truth are SQLite's too.</param>
    public static IEnumerable<ScalarFunction> Functions(bool isExact)
    {
        var text = new SqliteTextFunctions(isExact);
        var pattern = new SqlitePatternFunctions(isExact);
        var json = new SqliteJsonFunctions(isExact);
        var edits = new SqliteJsonEdits(json);
        var patch = new SqliteJsonPatch(json);
        var format = new SqliteFormat(isExact);
        return
        [
            new("coalesce", 2, Any, ConditionalFunctions.Coalesce),
            new("nullif", 2, 2, ConditionalFunctions.NullIf),

            new("likely", 1, 1, ConditionalFunctions.Likely),
            new("unlikely", 1, 1, ConditionalFunctions.Likely),
            new("likelihood", 2, 2, ConditionalFunctions.Likely),

            new("trim", 1, 2, (arguments, context) => text.Trim(arguments, fromStart: true, fromEnd: true, context)),
            new("ltrim", 1, 2, (arguments, context) => text.Trim(arguments, fromStart: true, fromEnd: false, context)),
            new("rtrim", 1, 2, (arguments, context) => text.Trim(arguments, fromStart: false, fromEnd: true, context)),
            new("replace", 3, 3, text.Replace),
            new("substr", 2, 3, isExact ? ExactFunctionBodies.Substring : TextFunctions.Substring),
            new("concat", 1, Any, text.Concat),
            new("concat_ws", 2, Any, text.ConcatWithSeparator),
            new("char", 0, Any, SqliteTextFunctions.Char),
            new("unicode", 1, 1, text.Unicode),
            new("quote", 1, 1, text.Quote),
            new("octet_length", 1, 1, text.OctetLength),
            new("unhex", 1, 2, text.Unhex),
            new("printf", 1, Any, format.Apply),
            new("format", 1, Any, format.Apply),
            new("zeroblob", 1, 1, SqliteTextFunctions.ZeroBlob),
            new("like", 2, 3, pattern.Like),
            new("glob", 2, 2, pattern.Glob),

            new("abs", 1, 1, SqliteNumberFunctions.Abs),
            new("round", 1, 2, SqliteNumberFunctions.Round),
            new("sign", 1, 1, SqliteNumberFunctions.Sign),
            new("ceil", 1, 1, (arguments, _) => SqliteNumberFunctions.Whole(arguments[0], Math.Ceiling)),
            new("ceiling", 1, 1, (arguments, _) => SqliteNumberFunctions.Whole(arguments[0], Math.Ceiling)),
            new("floor", 1, 1, (arguments, _) => SqliteNumberFunctions.Whole(arguments[0], Math.Floor)),
            new("trunc", 1, 1, (arguments, _) => SqliteNumberFunctions.Whole(arguments[0], Math.Truncate)),
            new("min", 2, Any, (arguments, _) => SqliteNumberFunctions.Extreme(arguments, isMax: false, isExact)),
            new("max", 2, Any, (arguments, _) => SqliteNumberFunctions.Extreme(arguments, isMax: true, isExact)),
            .. SqliteMathFunctions.Functions,

            new("date", 1, Any, SqliteDateFunctions.DateText),
            new("time", 1, Any, SqliteDateFunctions.TimeText),
            new("julianday", 1, Any, SqliteDateFunctions.JulianDay),
            new("strftime", 2, Any, SqliteDateFunctions.Format),
            new("timediff", 2, 2, SqliteDateFunctions.Difference),

            new("json", 1, 1, json.Json),
            new("json_array", 0, Any, json.Array),
            new("json_object", 0, Any, json.Object),
            new("json_quote", 1, 1, json.Quote),
            new("json_type", 1, 2, json.Type),
            new("json_set", 1, Any, edits.Set),
            new("json_insert", 1, Any, edits.Insert),
            new("json_replace", 1, Any, edits.Replace),
            new("json_remove", 1, Any, edits.Remove),
            new("json_patch", 2, 2, patch.Apply),
        ];
    }

    /// <summary><c>json_extract</c> as it is without the switch, which also takes several paths.</summary>
    public static ScalarFunction WithSeveralPaths(ScalarFunction extract, bool isExact)
    {
        var json = new SqliteJsonFunctions(isExact);
        return extract with
        {
            MaxArguments = Any,
            Apply = (arguments, context) => arguments.Length > 2 ? json.ExtractAll(arguments, context) : extract.Apply(arguments, context),
        };
    }
}

namespace TopGun.Buckets.SyncRules.Sql;

internal enum SqlTokenKind : byte
{
    End,
    Identifier,
    QuotedIdentifier,
    Text,
    Integer,
    Decimal,
    Symbol,
}

/// <summary>One token.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Identifiers folded to lower case or unquoted, strings without quotes and escapes, symbols as written.</param>
/// <param name="Span">Where it stands.</param>
/// <param name="WasFolded">An unquoted identifier had capitals.</param>
internal readonly record struct SqlToken(SqlTokenKind Kind, string Text, TextSpan Span, bool WasFolded = false)
{
    public bool IsSymbol(string symbol) => Kind == SqlTokenKind.Symbol && Text == symbol;

    /// <summary>Whether this is the unquoted word, which is compared in lower case.</summary>
    public bool IsWord(string word) => Kind == SqlTokenKind.Identifier && Text == word;

    public bool IsReserved => Kind == SqlTokenKind.Identifier && SqlWords.Reserved.Contains(Text);
}

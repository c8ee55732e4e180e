namespace TopGun.Buckets.Replication;

/// <summary>Settings that every connection to the source is started with.</summary>
/// <remarks>Role and database may have set any of them otherwise; snapshot and stream have to agree, today and after the next change of a default.</remarks>
internal static class PinnedSettings
{
    /// <summary>What a value looks like as text depends on these: they are read back.</summary>
    public static readonly IReadOnlyList<(string Name, string Value)> Formats =
    [
        ("DateStyle", "ISO"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("extra_float_digits", "3"),
        ("bytea_output", "hex"),
        ("lc_monetary", "C"),
        ("xmlbinary", "base64"),
        ("search_path", "pg_catalog"),
    ];

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<(string Name, string Value)> All =
    [
        .. Formats,
        ("standard_conforming_strings", "on"),
        // Waiting for the local disk is what makes the server send a commit at once; standbys may be dead and must not be waited for.
        ("synchronous_commit", "local"),
        ("jit", "off"), // it takes longer than any of our queries
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("default_transaction_read_only", "off"),
        // A table whose rows are to be hidden from us fails to be read; without this it would look empty, and its rows would be removed everywhere.
        ("row_security", "off"),
    ];
}

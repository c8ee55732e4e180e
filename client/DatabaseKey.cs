namespace TopGun.Buckets.Client;

/// <summary>Opens an encrypted database file. Needs a SQLite that can encrypt; see the guide.</summary>
public sealed class DatabaseKey
{
    private DatabaseKey(string literal) => Literal = literal;

    /// <summary>The key as SQL text.</summary>
    internal string Literal { get; }

    /// <summary>A passphrase, from which the cipher derives the key.</summary>
    public static DatabaseKey FromPassphrase(string passphrase)
    {
        ArgumentException.ThrowIfNullOrEmpty(passphrase);
        return new DatabaseKey($"'{passphrase.Replace("'", "''", StringComparison.Ordinal)}'");
    }

    /// <summary>The key itself.</summary>
    /// <param name="key">32 bytes.</param>
    public static DatabaseKey FromBytes(ReadOnlySpan<byte> key) => key.Length == 32
        ? new DatabaseKey($"\"x'{Convert.ToHexString(key)}'\"")
        : throw new ArgumentException($"A key has 32 bytes, and {key.Length} were given.", nameof(key));
}

using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace TopGun.Buckets.Host;

/// <summary>Where the source is, read from any of the usual forms.</summary>
/// <param name="ConnectionString">In Npgsql's form.</param>
internal sealed record SourceAddress(string ConnectionString)
{
    // The names of libpq's keywords and URI parameters that Npgsql calls otherwise.
    private static readonly Dictionary<string, string> Renamed = new(StringComparer.OrdinalIgnoreCase)
    {
        ["dbname"] = "Database",
        ["user"] = "Username",
        ["sslmode"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["application_name"] = "Application Name",
        ["connect_timeout"] = "Timeout",
        ["target_session_attrs"] = "Target Session Attributes",
        ["hostaddr"] = "Host",
        ["gssencmode"] = "GSS Encryption Mode",
    };

    /// <summary>Reads <c>postgres://user:password@host:port/database?sslmode=require</c>, libpq keywords, or Npgsql's form.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SourceAddress value)
    {
        value = null!;
        try
        {
            var builder = new NpgsqlConnectionStringBuilder();
            foreach (var (keyword, setting) in Keywords(text.Trim()))
                builder[Renamed.GetValueOrDefault(keyword, keyword)] = SettingText(keyword, setting);
            if (string.IsNullOrEmpty(builder.Host) || string.IsNullOrEmpty(builder.Database))
                return false;
            value = new SourceAddress(builder.ConnectionString);
            return true;
        }
        catch (Exception malformed) when (malformed is FormatException or ArgumentException or KeyNotFoundException)
        {
            return false;
        }
    }

    /// <summary>The text as it may be printed.</summary>
    public static string WithoutPassword(string text)
    {
        var at = text.LastIndexOf('@');
        if (text.Contains("://", StringComparison.Ordinal) && at > 0)
            return $"'{text[..(text.IndexOf("://", StringComparison.Ordinal) + 3)]}…{text[at..]}'";
        return text.Contains("password", StringComparison.OrdinalIgnoreCase) ? "(not shown, it holds a password)" : $"'{text}'";
    }

    /// <summary>Host, port and database, without anything secret.</summary>
    public override string ToString()
    {
        var builder = new NpgsqlConnectionStringBuilder(ConnectionString);
        return $"{builder.Host}:{builder.Port}/{builder.Database}";
    }

    private static IEnumerable<KeyValuePair<string, string>> Keywords(string text)
    {
        if (text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal))
            return FromUri(text);
        return text.Contains(';', StringComparison.Ordinal) || !text.Contains(' ', StringComparison.Ordinal)
            ? new NpgsqlConnectionStringBuilder(text).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.ToString() ?? ""))
            : FromKeywords(text);
    }

    // scheme://[user[:password]@][host][:port][/database][?keyword=value&…]; taken apart here because .NET's Uri refuses an empty host.
    private static IEnumerable<KeyValuePair<string, string>> FromUri(string text)
    {
        var (place, query) = Cut(text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..], '?');
        var (authority, database) = Cut(place, '/');
        var at = authority.LastIndexOf('@');
        var (user, password) = Cut(authority[..Math.Max(at, 0)], ':');
        var server = authority[(at + 1)..];
        var colon = server.EndsWith(']') ? -1 : server.LastIndexOf(':');

        (string Keyword, string Text)[] parts =
        [
            ("Host", (colon < 0 ? server : server[..colon]).Trim('[', ']')),
            ("Port", colon < 0 ? "" : server[(colon + 1)..]),
            ("Database", database),
            ("Username", user),
            ("Password", password),
            .. query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(parameter => Cut(parameter, '=')),
        ];
        return from part in parts
               where part.Text.Length > 0
               select KeyValuePair.Create(Uri.UnescapeDataString(part.Keyword), Uri.UnescapeDataString(part.Text));
    }

    private static (string Before, string After) Cut(string text, char separator)
    {
        var index = text.IndexOf(separator, StringComparison.Ordinal);
        return index < 0 ? (text, "") : (text[..index], text[(index + 1)..]);
    }

    // keyword = value pairs between blanks; a value may stand in single quotes, with \' and \\ inside.
    private static IEnumerable<KeyValuePair<string, string>> FromKeywords(string text)
    {
        var rest = text;
        while (rest.Length > 0)
        {
            var equals = rest.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new FormatException($"'{rest}' is not a keyword and a value.");
            var keyword = rest[..equals].Trim();
            rest = rest[(equals + 1)..].TrimStart();
            yield return new(keyword, TakeValue(ref rest));
            rest = rest.TrimStart();
        }
    }

    private static string TakeValue(ref string rest)
    {
        var quoted = rest.StartsWith('\'');
        var value = new System.Text.StringBuilder();
        var index = quoted ? 1 : 0;
        for (; index < rest.Length; index++)
        {
            if (rest[index] == '\\' && index + 1 < rest.Length)
                value.Append(rest[++index]);
            else if (quoted ? rest[index] == '\'' : char.IsWhiteSpace(rest[index]))
                break;
            else
                value.Append(rest[index]);
        }
        if (quoted && index == rest.Length)
            throw new FormatException("A quote is not closed.");
        rest = rest[Math.Min(rest.Length, index + 1)..];
        return value.ToString();
    }

    private static string SettingText(string keyword, string value) =>
        keyword.Equals("sslmode", StringComparison.OrdinalIgnoreCase) // verify-full is VerifyFull to Npgsql
            ? value.Replace("-", "", StringComparison.Ordinal)
            : value;
}

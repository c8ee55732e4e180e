using System.Net;
using Npgsql;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Reads connection strings in each form that people have: a URI, libpq's keywords, or Npgsql's.</summary>
public static class SourceConnectionString
{
    /// <summary>
    /// Parses a connection string. Where it does not say how far TLS is to be trusted, a server elsewhere has to prove who it is (verify-full); a
    /// server on this machine need not speak TLS at all.
    /// </summary>
    /// <exception cref="BucketsException">It cannot be understood (TGB1109); the message never holds the password.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text)
    {
        try
        {
            var builder = Read(text);
            if (!builder.ShouldSerialize("SSL Mode") && !IsLocal(builder.Host))
                builder.SslMode = SslMode.VerifyFull;
            return builder;
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new BucketsException(
                SourceFailure.BadConnectionString,
                $"The connection string of the source cannot be read: {failure.Message.TrimEnd('.')}.",
                "Write postgres://user:password@host:5432/database, or host=… port=… dbname=… user=… password=….",
                failure);
        }
    }

    private static NpgsqlConnectionStringBuilder Read(string text)
    {
        if (text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal))
            return FromUri(text);
        return text.Contains(';', StringComparison.Ordinal) ? new NpgsqlConnectionStringBuilder(text) : FromKeywords(text);
    }

    // Nothing that is sent leaves the machine.
    private static bool IsLocal(string? host) =>
        string.IsNullOrEmpty(host)
        || host.StartsWith('/')
        || host.StartsWith('@')
        || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    // postgres[ql]://[user[:password]@][host[:port]][/database][?name=value&…]; everything percent-encoded.
    private static NpgsqlConnectionStringBuilder FromUri(string text)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        var rest = text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..];
        var (address, query) = Cut(rest, '?');
        var (authority, database) = Cut(address, '/');
        var at = authority.LastIndexOf('@');
        if (at >= 0)
        {
            var (user, password) = Cut(authority[..at], ':');
            Set(builder, "user", Decode(user));
            Set(builder, "password", Decode(password));
        }
        SetAddress(builder, authority[(at + 1)..]);
        Set(builder, "dbname", Decode(database));
        foreach (var parameter in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = Cut(parameter, '=');
            Set(builder, Decode(name), Decode(value));
        }
        return builder;
    }

    // host, host:port, or [address of IPv6]:port
    private static void SetAddress(NpgsqlConnectionStringBuilder builder, string address)
    {
        if (address.StartsWith('[') && address.IndexOf(']', StringComparison.Ordinal) is > 0 and var bracket)
        {
            Set(builder, "host", address[1..bracket]);
            Set(builder, "port", address[(bracket + 1)..].TrimStart(':'));
            return;
        }
        var (host, port) = Cut(address, ':');
        Set(builder, "host", Decode(host));
        Set(builder, "port", port);
    }

    // name = value …, values with blanks in single quotes, a backslash before a quote or a backslash.
    private static NpgsqlConnectionStringBuilder FromKeywords(string text)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        var position = 0;
        while (SkipBlanks(text, ref position))
        {
            var equals = text.IndexOf('=', position);
            if (equals < 0)
                throw new FormatException("a keyword is not followed by '='");
            var name = text[position..equals].Trim();
            position = equals + 1;
            SkipBlanks(text, ref position);
            Set(builder, name, ReadValue(text, ref position));
        }
        return builder;
    }

    private static string ReadValue(string text, ref int position)
    {
        var value = new System.Text.StringBuilder();
        var isQuoted = position < text.Length && text[position] == '\'';
        if (isQuoted)
            position++;
        for (; position < text.Length; position++)
        {
            var letter = text[position];
            if (isQuoted ? letter == '\'' : char.IsWhiteSpace(letter))
            {
                position++;
                return value.ToString();
            }
            if (letter == '\\' && position + 1 < text.Length)
                letter = text[++position];
            value.Append(letter);
        }
        return isQuoted ? throw new FormatException("a quoted value does not end") : value.ToString();
    }

    private static bool SkipBlanks(string text, ref int position)
    {
        while (position < text.Length && char.IsWhiteSpace(text[position]))
            position++;
        return position < text.Length;
    }

    private static void Set(NpgsqlConnectionStringBuilder builder, string name, string value)
    {
        if (value.Length == 0)
            return;
        switch (name)
        {
            case "host" when value.Contains(',', StringComparison.Ordinal):
                throw new FormatException("it names several hosts, but a slot lives on one: name the primary");
            case "dbname":
                builder.Database = value;
                break;
            case "user":
                builder.Username = value;
                break;
            case "hostaddr":
                builder.Host = value;
                break;
            case "sslmode":
                builder.SslMode = Enum.Parse<SslMode>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);
                break;
            case "sslrootcert" when value == "system":
                break; // the system's authorities are asked unless others are named
            case "sslrootcert":
                builder.RootCertificate = value;
                break;
            case "sslcert":
                builder.SslCertificate = value;
                break;
            case "sslkey":
                builder.SslKey = value;
                break;
            case "connect_timeout":
                builder.Timeout = int.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
                break;
            case "application_name":
                builder.ApplicationName = value;
                break;
            case "channel_binding":
                builder.ChannelBinding = Enum.Parse<ChannelBinding>(value, ignoreCase: true);
                break;
            case "target_session_attrs":
                builder.TargetSessionAttributes = value;
                break;
            case "client_encoding" or "fallback_application_name" or "keepalives":
                break; // ours are fixed
            default:
                builder[name] = value; // throws for a name that Npgsql does not know either
                break;
        }
    }

    private static (string Before, string After) Cut(string text, char separator)
    {
        var index = text.IndexOf(separator, StringComparison.Ordinal);
        return index < 0 ? (text, "") : (text[..index], text[(index + 1)..]);
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text);
}

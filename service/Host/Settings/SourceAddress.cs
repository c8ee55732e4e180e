using System.Diagnostics.CodeAnalysis;
using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Where the source is.</summary>
/// <param name="ConnectionString">In Npgsql's form.</param>
internal sealed record SourceAddress(string ConnectionString)
{
    /// <summary>Reads any form that <see cref="SourceConnectionString"/> knows; host and database have to be named.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SourceAddress value)
    {
        value = null!;
        try
        {
            var builder = SourceConnectionString.Parse(text.Trim());
            if (string.IsNullOrEmpty(builder.Host) || string.IsNullOrEmpty(builder.Database))
                return false;
            value = new SourceAddress(builder.ConnectionString);
            return true;
        }
        catch (BucketsException)
        {
            return false; // the setting's rule says what is expected
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
}

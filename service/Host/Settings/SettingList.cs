using System.Buffers.Text;
using System.Globalization;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Every setting of the service, each declared once.</summary>
internal static class SettingList
{
    public static readonly Setting<SourceAddress> Source = new()
    {
        Name = "source Postgres",
        Variable = "TOPGUN_SOURCE_URL",
        Flag = "--source",
        Description = "Postgres to replicate from: a postgres:// URI, or keywords such as 'host=db dbname=app user=topgun'.",
        Rule = "a postgres:// URI or keywords such as 'host=db dbname=app user=topgun', with a database",
        Show = SourceAddress.WithoutPassword,
        TryParse = SourceAddress.TryParse,
    };

    public static readonly Setting<string> SourcePasswordFile = new()
    {
        Name = "source password file",
        Variable = "TOPGUN_SOURCE_PASSWORD_FILE",
        Flag = "--source-password-file",
        Description = "File with the password for the source; read at each connection, so the password may be changed while the service runs.",
        Rule = "the path of a file",
        TryParse = TryParseText,
    };

    public static readonly Setting<string> Rules = new()
    {
        Name = "sync rules file",
        Variable = "TOPGUN_RULES",
        Flag = "--rules",
        Description = "YAML file of sync rules.",
        Rule = "the path of a file",
        TryParse = TryParseText,
    };

    public static readonly Setting<string> Publication = new()
    {
        Name = "publication",
        Variable = "TOPGUN_PUBLICATION",
        Flag = "--publication",
        Default = "topgun",
        Description = "Publication to read; created when it is missing and the role may.",
        Rule = "a name of at most 63 lower-case letters, digits and underscores that does not start with a digit",
        TryParse = TryParseName,
    };

    public static readonly Setting<long> SlotWalLimit = new()
    {
        Name = "limit of the slot's WAL",
        Variable = "TOPGUN_SLOT_WAL_LIMIT",
        Flag = "--slot-wal-limit",
        Default = "0", // the server's own max_slot_wal_keep_size is the better place
        Description = "WAL in bytes that the slot may hold back at the source; beyond it the slot is dropped and everything read again later. 0 sets none.",
        Rule = "a whole number of bytes, 0 or at least 67108864",
        TryParse = (string text, out long value) =>
            long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)
            && value is 0 or >= 64L << 20, // four segments of WAL
    };

    public static readonly Setting<int> RowLimit = new()
    {
        Name = "limit of a row",
        Variable = "TOPGUN_ROW_LIMIT",
        Flag = "--row-limit",
        Default = "67108864", // phones hold a few of those, and no more
        Description = "Bytes of the longest row, as JSON, that clients are given. A longer one is left out; 'topgun doctor' lists such rows.",
        Rule = "a whole number of bytes from 1024 to 268435456",
        TryParse = (string text, out int value) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)
            && value is >= 1024 and <= 256 << 20, // beyond that a line takes more memory than a server has for a client
    };

    public static readonly Setting<StoreBackend> StoreBackend = new()
    {
        Name = "store backend",
        Variable = "STORAGE_BACKEND",
        Flag = "--store-backend",
        Default = "embedded",
        Description = "Where operations survive the process: 'embedded' (also called sqlite or redb) in a folder, 'postgres' in a database, 'null' nowhere.",
        Rule = "'embedded' (also called 'sqlite' or 'redb'), 'postgres' or 'null'",
        TryParse = TryParseBackend,
    };

    public static readonly Setting<string> StorePath = new()
    {
        Name = "store folder",
        Variable = "TOPGUN_STORE_PATH",
        Flag = "--store-path",
        Default = "./topgun-store",
        Description = "Folder of the embedded store; made when it is missing.",
        Rule = "the path of a folder",
        TryParse = TryParseText,
    };

    public static readonly Setting<SourceAddress> StoreDatabase = new()
    {
        Name = "store database",
        Variable = "DATABASE_URL",
        Flag = "--database-url",
        Description = "Database of the Postgres store, in the forms of the source's address. It may be the source itself.",
        Rule = "a postgres:// URI or keywords such as 'host=db dbname=app user=topgun', with a database",
        Show = SourceAddress.WithoutPassword,
        TryParse = SourceAddress.TryParse,
    };

    public static readonly Setting<string> StoreSchema = new()
    {
        Name = "store schema",
        Variable = "TOPGUN_STORE_SCHEMA",
        Flag = "--store-schema",
        Default = "topgun_store",
        Description = "Schema of the Postgres store's tables; made when it is missing and the role may.",
        Rule = "a name of at most 63 lower-case letters, digits and underscores that does not start with a digit",
        TryParse = TryParseName,
    };

    public static readonly Setting<ServiceRole> Role = new()
    {
        Name = "role",
        Variable = "TOPGUN_ROLE",
        Flag = "--role",
        Default = "writer",
        Description = "'writer' replicates the source into the store and serves clients; 'reader' serves them from the Postgres store of a writer.",
        Rule = "'writer' or 'reader'",
        TryParse = (string text, out ServiceRole value) =>
            Enum.TryParse(text, ignoreCase: true, out value) && Enum.GetNames<ServiceRole>().Contains(text, StringComparer.OrdinalIgnoreCase),
    };

    public static readonly Setting<Uri> Listen = new()
    {
        Name = "listen address",
        Variable = "TOPGUN_LISTEN",
        Flag = "--listen",
        Default = "http://127.0.0.1:8080",
        Description = "Address to serve clients on.",
        Rule = "an http:// or https:// address with a port and without a path, such as http://0.0.0.0:8080",
        TryParse = TryParseListen,
    };

    public static readonly Setting<string> TlsCertificate = new()
    {
        Name = "TLS certificate",
        Variable = "TOPGUN_TLS_CERTIFICATE",
        Flag = "--tls-certificate",
        Description = "PEM file of the certificate for an https:// listen address, with those of the authorities between; read again when it is replaced.",
        Rule = "the path of a file",
        TryParse = TryParseText,
    };

    public static readonly Setting<string> TlsKey = new()
    {
        Name = "TLS key",
        Variable = "TOPGUN_TLS_KEY",
        Flag = "--tls-key",
        Description = "PEM file of that certificate's private key.",
        Rule = "the path of a file",
        TryParse = TryParseText,
    };

    public static readonly Setting<byte[]> JwtSecret = new()
    {
        Name = "HS256 secret",
        Variable = "TOPGUN_JWT_SECRET",
        Description = "Secret that client tokens are signed with.",
        Rule = "base64url of at least 32 bytes",
        Show = Hidden,
        TryParse = TryParseSecret,
    };

    public static readonly Setting<string> JwtKeyId = new()
    {
        Name = "HS256 key id",
        Variable = "TOPGUN_JWT_KID",
        Description = "Key id ('kid') of that secret; without it the secret is tried for tokens that name no key.",
        Rule = "a text of at most 256 characters",
        TryParse = (string text, out string value) => (value = text).Length is > 0 and <= 256,
    };

    public static readonly Setting<string> Audience = new()
    {
        Name = "audience",
        Variable = "TOPGUN_JWT_AUDIENCE",
        Flag = "--audience",
        Description = "Audience that client tokens must name; several may be given, repeated or with commas.",
        Rule = "one or more texts, repeated or separated by commas",
        IsList = true,
        TryParse = TryParseText,
    };

    public static readonly Setting<string> Jwks = new()
    {
        Name = "JWKS",
        Variable = "TOPGUN_JWKS",
        Flag = "--jwks",
        Description = "Public keys that client tokens are signed with: a file or an https URI.",
        Rule = "the path of a file or an https URI",
        TryParse = TryParseJwks,
    };

    public static readonly Setting<long> GridBytes = new()
    {
        Name = "RAM for hot buckets",
        Variable = "TOPGUN_GRID_BYTES",
        Flag = "--grid-bytes",
        Default = "536870912", // 512 MiB: about a million operations of usual rows
        Description = "RAM for hot buckets, in bytes; never more than half of what the process may have.",
        Rule = "a whole number of bytes, at least 1048576",
        TryParse = (string text, out long value) =>
            long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= 1L << 20,
    };

    public static readonly Setting<int> MaxBuckets = new()
    {
        Name = "buckets per client",
        Variable = "TOPGUN_MAX_BUCKETS",
        Flag = "--max-buckets",
        Default = "1000", // as the field's services have it
        Description = "Distinct buckets that one client may have; a client that needs more is refused.",
        Rule = "a whole number, at least 1",
        TryParse = (string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= 1,
    };

    public static readonly Setting<PublishMode> Publish = new()
    {
        Name = "publish mode",
        Variable = "TOPGUN_PUBLISH",
        Flag = "--publish",
        Default = "memory",
        Description = "When a change becomes visible: 'memory', as soon as it is evaluated; 'durable', once it is on disk.",
        Rule = "'memory' or 'durable'",
        TryParse = (string text, out PublishMode value) =>
            Enum.TryParse(text, ignoreCase: true, out value) && Enum.GetNames<PublishMode>().Contains(text, StringComparer.OrdinalIgnoreCase),
    };

    public static readonly Setting<string> ApiToken = new()
    {
        Name = "operator token",
        Variable = "TOPGUN_API_TOKEN",
        Description = "Token of the operator API, such as deploying sync rules; without it that API is off.",
        Rule = "a text of at least 16 characters without spaces",
        Show = Hidden,
        TryParse = (string text, out string value) => (value = text).Length >= 16 && !text.Any(char.IsWhiteSpace),
    };

    public static readonly Setting<bool> WatchRules = new()
    {
        Name = "watch of the sync rules file",
        Variable = "TOPGUN_RULES_WATCH",
        Flag = "--rules-watch",
        Default = "on",
        Description = "Whether the sync rules file is deployed when it changes while the service runs: 'on' or 'off'.",
        Rule = "'on' or 'off'",
        TryParse = TryParseSwitch,
    };

    public static readonly Setting<ContinuityPolicy> OnContinuityLost = new()
    {
        Name = "when continuity is lost",
        Variable = "TOPGUN_ON_CONTINUITY_LOST",
        Flag = "--on-continuity-lost",
        Default = "resnapshot",
        Description =
            "What to do when changes may be missing, such as after the slot was lost: 'resnapshot', read all tables again and send clients the difference;"
            + " 'halt', leave it to a person. Either way what was visible is served meanwhile.",
        Rule = "'resnapshot' or 'halt'",
        TryParse = (string text, out ContinuityPolicy value) =>
            Enum.TryParse(text, ignoreCase: true, out value) && Enum.GetNames<ContinuityPolicy>().Contains(text, StringComparer.OrdinalIgnoreCase),
    };

    public static readonly Setting<bool> DefinitionTrigger = new()
    {
        Name = "event trigger",
        Variable = "TOPGUN_DDL_TRIGGER",
        Flag = "--ddl-trigger",
        Default = "off",
        Description =
            "'on': an event trigger in the source tells of changed table definitions at once; made when it is missing and the role may (superusers),"
            + " else 'topgun doctor' has the statements. 'off': they are noticed within ten seconds.",
        Rule = "'on' or 'off'",
        TryParse = TryParseSwitch,
    };

    /// <summary>All of them, in the order of the documentation.</summary>
    public static readonly IReadOnlyList<Setting> All =
    [
        Source, SourcePasswordFile, Rules, WatchRules, Publication, SlotWalLimit, RowLimit, StoreBackend, StorePath, StoreDatabase, StoreSchema, Role, Listen,
        TlsCertificate, TlsKey, JwtSecret, JwtKeyId, Audience, Jwks, ApiToken, GridBytes, MaxBuckets, Publish, OnContinuityLost, DefinitionTrigger,
    ];

    private static bool TryParseText(string text, out string value) => !string.IsNullOrWhiteSpace(value = text);

    private static bool TryParseSwitch(string text, out bool value)
    {
        value = text.Equals("on", StringComparison.OrdinalIgnoreCase);
        return value || text.Equals("off", StringComparison.OrdinalIgnoreCase);
    }

    private static bool TryParseName(string text, out string value)
    {
        value = text;
        return text.Length is > 0 and <= 63 // NAMEDATALEN − 1
            && !char.IsAsciiDigit(text[0])
            && text.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '_');
    }

    private static bool TryParseBackend(string text, out StoreBackend value)
    {
        (var isKnown, value) = text.ToLowerInvariant() switch
        {
            "embedded" or "sqlite" or "redb" => (true, Host.StoreBackend.Embedded),
            "postgres" => (true, Host.StoreBackend.Postgres),
            "null" => (true, Host.StoreBackend.Null),
            _ => (false, default),
        };
        return isKnown;
    }

    private static bool TryParseListen(string text, out Uri value)
    {
        var parsed = Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && uri.Scheme is "http" or "https" && uri.PathAndQuery == "/" && uri.UserInfo == "" && uri.Fragment == "";
        value = uri!;
        return parsed;
    }

    private static bool TryParseSecret(string text, out byte[] value)
    {
        value = [];
        try
        {
            value = Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            return false;
        }
        return value.Length >= 32; // as long as the hash: RFC 7518, section 3.2
    }

    private static bool TryParseJwks(string text, out string value)
    {
        value = text;
        return !string.IsNullOrWhiteSpace(text)
            && (!text.Contains("://", StringComparison.Ordinal)
                || (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps));
    }

    private static string Hidden(string value) =>
        string.Create(CultureInfo.InvariantCulture, $"(not shown, {value.Length} characters)");
}

using System.Buffers.Text;
using System.Text.Json;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Connection;

/// <summary>Keeps one user's rows from being shown to another: the file remembers whose they are.</summary>
internal static class UserGuard
{
    /// <exception cref="Protocol.BucketsException">The token names another user (TGB6033).</exception>
    public static async Task CheckAsync(LocalDatabase local, SyncCredentials credentials, bool allowSwitch, CancellationToken cancellationToken)
    {
        if (UserOf(credentials.Token) is not { } user)
            return;
        var known = await local.ReadAsync(
            database => database.Prepare("SELECT value FROM tg_meta WHERE key = 'user'").RunText(), cancellationToken);
        if (known == user)
            return;
        if (known is not null && !allowSwitch)
            throw ClientErrors.OtherUser(known, user);
        await local.WriteAsync(Lane.Sync, database =>
        {
            database.Prepare("INSERT INTO tg_meta(key, value) VALUES('user', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value")
                .Bind(1, user).Run();
            return true;
        }, cancellationToken);
    }

    /// <summary>The subject that the token claims. The service verifies it; here it only tells users apart.</summary>
    internal static string? UserOf(string token)
    {
        var parts = token.Split('.');
        if (parts.Length != 3)
            return null;
        try
        {
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            return payload.RootElement.ValueKind == JsonValueKind.Object && payload.RootElement.TryGetProperty("sub", out var subject)
                ? subject.ToString()
                : null;
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return null; // not a JWT: whether it is any good is the service's to say
        }
    }
}

using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>The settings that together say how the source is reached.</summary>
internal static class SourceSettings
{
    /// <summary>Opens the source that the settings name; connects only when asked.</summary>
    /// <exception cref="SettingException">A setting is missing or wrong, or the password file cannot be read.</exception>
    public static NpgsqlSource Open(SettingReader settings) => new(
        settings.Read(SettingList.Source).ConnectionString, settings.Read(SettingList.Publication), FindPasswordFile(settings));

    /// <summary>The password file, which can be read now; null when none is set.</summary>
    /// <exception cref="SettingException">It cannot be read.</exception>
    public static string? FindPasswordFile(SettingReader settings)
    {
        if (settings.Find(SettingList.SourcePasswordFile) is not { } path)
            return null;
        try
        {
            using var file = File.OpenRead(path);
            return path;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw SettingException.Unreadable(SettingList.SourcePasswordFile, path, failure.Message);
        }
    }
}

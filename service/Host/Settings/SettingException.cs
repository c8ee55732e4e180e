using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>A setting is missing or wrong, so nothing was started.</summary>
internal sealed class SettingException : BucketsException
{
    private SettingException(string code, string message, string? hint = null, Exception? cause = null)
        : base(code, message, hint, cause)
    {
    }

    /// <summary>The value breaks the setting's rule.</summary>
    public static SettingException Wrong(Setting setting, string way, string value) => new(
        "TGB1001", $"Setting '{setting.Name}' ({way}) has the value {setting.Show(value)}, but it must be {setting.Rule}.");

    /// <summary>The value of a flag that only one command has breaks its rule.</summary>
    public static SettingException Wrong(string flag, string value, string rule) => new(
        "TGB1001", $"{flag} has the value '{value}', but it must be {rule}.");

    /// <summary>An option of a room, from the configuration, breaks its rule.</summary>
    public static SettingException Refused(OptionsValidationException failure) =>
        new("TGB1001", string.Join(' ', failure.Failures), cause: failure);

    /// <summary>A value makes sense only together with a value of another setting.</summary>
    public static SettingException Needs(Setting setting, string value, Setting other, string otherValue) => new(
        "TGB1001", $"Setting '{setting.Name}' has the value '{value}', which needs '{other.Name}' to be '{otherValue}'.", $"Give {other.Ways}.");

    /// <summary>A setting without default was not given.</summary>
    public static SettingException Missing(Setting setting) => new(
        "TGB1002", $"Setting '{setting.Name}' is missing.", $"Give {setting.Ways}: {setting.Rule}.");

    /// <summary>Neither of two settings that can stand for each other was given.</summary>
    public static SettingException MissingBoth(Setting one, Setting other) => new(
        "TGB1002",
        $"Neither '{one.Name}' nor '{other.Name}' is set, so no client could prove who it is.",
        $"Give {one.Ways}, or {other.Ways}.");

    /// <summary>A setting names a file that cannot be read.</summary>
    public static SettingException Unreadable(Setting setting, string path, string reason) => new(
        "TGB1003", $"Setting '{setting.Name}' names the file '{path}', which cannot be read: {reason}");
}

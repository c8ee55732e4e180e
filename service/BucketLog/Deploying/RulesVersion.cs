namespace TopGun.Buckets.BucketLog.Deploying;

/// <summary>The version that bucket names and lookup keys start with: <c>12#by_list["7"]</c>.</summary>
internal static class RulesVersion
{
    /// <summary>0 when the name, in UTF-8, has none.</summary>
    public static int Of(ReadOnlySpan<byte> name)
    {
        var end = name.IndexOf((byte)'#');
        return end > 0 && int.TryParse(name[..end], System.Globalization.NumberStyles.None, provider: null, out var version) ? version : 0;
    }

    /// <summary>0 when the name has none.</summary>
    public static int Of(ReadOnlySpan<char> name)
    {
        var end = name.IndexOf('#');
        return end > 0 && int.TryParse(name[..end], System.Globalization.NumberStyles.None, provider: null, out var version) ? version : 0;
    }
}

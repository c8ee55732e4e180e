using System.Runtime.CompilerServices;

namespace TopGun.Buckets.Tests.Unit.Compose;

/// <summary>Files of the repository that are not code.</summary>
internal static class Repository
{
    /// <summary>Full path of a file, given from the root.</summary>
    public static string Path(string relative) => System.IO.Path.GetFullPath(System.IO.Path.Combine(Root(), relative));

    // This file is three folders below the root.
    private static string Root([CallerFilePath] string file = "") =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(file)!, "../../..");
}

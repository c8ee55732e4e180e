namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>The same thing written twice: in the rules' language, and for SQLite.</summary>
internal readonly record struct Written(string Rules, string Sqlite)
{
    /// <summary>Something both write alike.</summary>
    public static implicit operator Written(string both) => new(both, both);

    /// <summary>Fills both sides of a pattern in which <c>{0}</c>, <c>{1}</c> … stand for the parts.</summary>
    public static Written Of(string rules, string sqlite, params Written[] parts) => new(
        string.Format(System.Globalization.CultureInfo.InvariantCulture, rules, [.. parts.Select(part => part.Rules)]),
        string.Format(System.Globalization.CultureInfo.InvariantCulture, sqlite, [.. parts.Select(part => part.Sqlite)]));

    /// <summary>Fills one pattern on both sides.</summary>
    public static Written Of(string both, params Written[] parts) => Of(both, both, parts);

    public static Written Join(string separator, IEnumerable<Written> parts)
    {
        var all = parts.ToList();
        return new Written(string.Join(separator, all.Select(part => part.Rules)), string.Join(separator, all.Select(part => part.Sqlite)));
    }
}

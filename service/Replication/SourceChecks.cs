using System.Globalization;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>What has to be so at the source. Used before replication starts and by the doctor.</summary>
internal static class SourceChecks
{
    private const int OldestVersion = 140000; // logical messages are part of the stream from 14 on

    public static IEnumerable<DoctorFinding> OfServer(ServerSettings settings, bool needsSlot)
    {
        var walLevel = settings.Values.GetValueOrDefault("wal_level");
        if (walLevel != "logical")
        {
            yield return Error(
                $"wal_level is '{walLevel}', but logical replication needs 'logical'.",
                "ALTER SYSTEM SET wal_level = logical; then restart the server.");
        }
        else
        {
            yield return DoctorFinding.Fine("wal_level is 'logical'.");
        }
        if (settings.Version < OldestVersion)
        {
            yield return Error(
                string.Create(CultureInfo.InvariantCulture, $"The server has version {settings.Version / 10000}, but 14 is the oldest that works."),
                "Upgrade the server.");
        }
        foreach (var (name, value) in PinnedSettings.Formats)
        {
            // Postgres adds to some: DateStyle 'ISO' reads back as 'ISO, MDY'.
            if (settings.Values.TryGetValue(name, out var actual) && !actual.StartsWith(value, StringComparison.Ordinal))
            {
                yield return Error(
                    $"{name} is '{actual}' although the connection asked for '{value}': something between us and the server drops what we ask for.",
                    "Connect to the server itself; poolers such as PgBouncer cannot be used.");
            }
        }
        if (settings.IsStandby)
        {
            // In the middle of a failover it may become the primary at any moment: it is tried again.
            yield return new DoctorFinding(
                SourceFailure.Unreachable, FindingSeverity.Error, "The server is a standby, which cannot keep our slot.", "Connect to the primary.");
        }
        if (!settings.CanReplicate)
        {
            yield return Error(
                "The role may not replicate.",
                "ALTER ROLE … REPLICATION; managed services have a role of their own for it.");
        }
        if (needsSlot)
        {
            yield return Room("max_replication_slots", "replication slot", settings.FreeSlots, settings);
            yield return Room("max_wal_senders", "walsender connection", settings.FreeWalSenders, settings);
        }
    }

    public static IEnumerable<DoctorFinding> OfPublication(string name, PublicationStatus? publication, bool mayBeCreated)
    {
        if (publication is null)
        {
            yield return mayBeCreated
                ? Warning($"Publication '{name}' does not exist yet; the service creates it when it starts.", remedy: null)
                : Error(
                    $"Publication '{name}' does not exist, and the role may not create it.",
                    $"Let the owner of the tables run: CREATE PUBLICATION {SqlText.Name(name)} FOR TABLE …;");
            yield break;
        }
        var missing = string.Join(", ", MissingOperations(publication));
        yield return missing.Length > 0
            ? Error(
                $"Publication '{name}' does not publish {missing}.",
                $"ALTER PUBLICATION {SqlText.Name(name)} SET (publish = 'insert, update, delete, truncate');")
            : DoctorFinding.Fine($"Publication '{name}' publishes every kind of change.");
        if (publication.ViaRoot)
        {
            yield return Warning(
                $"Publication '{name}' publishes partitions under their root: truncating, attaching or detaching a single one makes everything be read again.",
                "Truncate and attach by row changes, or publish the partitions themselves.");
        }
    }

    public static IEnumerable<DoctorFinding> OfDefinitionTrigger(bool isThere, bool isWanted)
    {
        if (isThere)
            yield return DoctorFinding.Fine($"Event trigger '{DefinitionTrigger.Name}' tells of changed definitions at once.");
        else if (isWanted)
            yield return Warning($"There is no event trigger '{DefinitionTrigger.Name}': changed definitions are noticed within ten seconds.", DefinitionTrigger.Sql);
    }

    public static IEnumerable<DoctorFinding> OfTables(
        string name, PublicationStatus? publication, IReadOnlyList<TablePattern> patterns, IReadOnlyList<SourceTableInfo> tables)
    {
        foreach (var pattern in patterns)
        {
            if (!tables.Any(table => table.Table.Schema == pattern.Schema && pattern.MatchesName(table.Table.Name)))
            {
                yield return TableError(
                    $"Table '{pattern.Schema}.{pattern.Name}' does not exist, but the sync rules use it.",
                    "Correct the name in the sync rules, or create the table.");
            }
        }
        foreach (var table in tables.Where(table => !ComesWithItsRoot(table, tables)))
        {
            var findings = OfTable(name, publication, table).ToList();
            foreach (var finding in findings)
                yield return finding;
            if (findings.Count == 0)
                yield return DoctorFinding.Fine($"Table '{table.Table.Schema}.{table.Table.Name}' can be replicated.");
        }
    }

    /// <summary>Whether a table is a partition that comes as a part of another of the tables, and that can be followed.</summary>
    public static bool ComesWithItsRoot(SourceTableInfo table, IReadOnlyList<SourceTableInfo> tables) => table.PublishedRoot is { } root
        && tables.Any(other => other is { Problem: null, CanSelect: true, HasRowSecurity: false } && other.Table.Schema == root.Schema && other.Table.Name == root.Name);

    private static IEnumerable<DoctorFinding> OfTable(string publicationName, PublicationStatus? publication, SourceTableInfo table)
    {
        var name = $"{table.Table.Schema}.{table.Table.Name}";
        var quoted = SqlText.Name(table.Table.Schema, table.Table.Name);
        if (table.Problem is not null)
        {
            yield return TableError(
                $"Table '{name}' cannot be replicated: {table.Problem}.",
                $"{table.Remedy ?? $"ALTER TABLE {quoted} ADD PRIMARY KEY (…);"} or take the table out of the sync rules.");
        }
        else if (table.PublishedRoot is { } root)
        {
            yield return TableError(
                $"Publication '{publicationName}' brings the rows of table '{name}' under the name of '{root.Schema}.{root.Name}'.",
                $"ALTER PUBLICATION {SqlText.Name(publicationName)} SET (publish_via_partition_root = false); or use '{root.Schema}.{root.Name}' in the sync rules.");
        }
        else if (publication is not null && !table.IsPublished)
        {
            yield return publication.IsOwned && table.IsOwned
                ? Warning($"Table '{name}' is not in publication '{publicationName}' yet; the service adds it when it starts.", remedy: null)
                : TableError(
                    $"Table '{name}' is not in publication '{publicationName}', and the role may not add it.",
                    $"Let its owner run: ALTER PUBLICATION {SqlText.Name(publicationName)} ADD TABLE {quoted};");
        }
        if (!table.CanSelect)
            yield return TableError($"The role may not read table '{name}'.", $"GRANT SELECT ON {quoted} TO …;");
        if (table.HasRowSecurity)
        {
            yield return TableError(
                $"Row security on table '{name}' hides rows from the role: the snapshot would miss what the stream brings.",
                "ALTER ROLE … BYPASSRLS;");
        }
        if (table.Table.Identity == ReplicaIdentity.Full && !table.CanReadByKey)
        {
            yield return Warning(
                $"Table '{name}' has identity full but no primary key: every change carries the whole row, and rows that are equal count as one.",
                $"ALTER TABLE {quoted} ADD PRIMARY KEY (…);");
        }
    }

    private static IEnumerable<string> MissingOperations(PublicationStatus publication)
    {
        if (!publication.Insert)
            yield return "insert";
        if (!publication.Update)
            yield return "update";
        if (!publication.Delete)
            yield return "delete";
        if (!publication.Truncate)
            yield return "truncate";
    }

    private static DoctorFinding Room(string setting, string what, int free, ServerSettings settings)
    {
        var total = settings.Values.GetValueOrDefault(setting);
        return free > 0
            ? DoctorFinding.Fine($"There is room for a {what} ({setting} = {total}).")
            : Error(
                $"There is no room for a {what}: all {total} of {setting} are in use.",
                $"Raise {setting} and restart the server, or drop what is not used any more (pg_replication_slots).");
    }

    private static DoctorFinding Warning(string sentence, string? remedy) =>
        new(SourceFailure.Misconfigured, FindingSeverity.Warning, sentence, remedy);

    private static DoctorFinding Error(string sentence, string remedy) =>
        new(SourceFailure.Misconfigured, FindingSeverity.Error, sentence, remedy);

    private static DoctorFinding TableError(string sentence, string remedy) =>
        new(SourceFailure.TableUnusable, FindingSeverity.Error, sentence, remedy);
}

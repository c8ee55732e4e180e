using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Upload;

/// <summary>Gives a database that turned out to be a copy a client id of its own. Works inside the caller's transaction.</summary>
/// <remarks>
/// Write checkpoints are numbered by client: those of the old id say nothing about the new one's writes, so the gate closes until the service
/// has given a number to the new.
/// </remarks>
internal static class ClientIdentity
{
    /// <returns>The new id.</returns>
    public static string Renew(Database database, string clientId)
    {
        database.Prepare("UPDATE tg_meta SET value = ? WHERE key = 'client_id'").Bind(1, clientId).Run();
        database.Prepare("UPDATE tg_meta SET value = iif(key = 'gate_target', ?, NULL) WHERE key IN ('gate_target', 'gate_seen', 'gate_applied')")
            .Bind(1, LibraryTables.GateMaximum).Run();
        return clientId;
    }
}

namespace TopGun.Buckets.Quickstart;

/// <summary>What <c>compose/quickstart</c> passes on.</summary>
/// <param name="Server">Connection keywords of a Postgres server that may be given a database.</param>
/// <param name="SchemaPath">SQL of the demo's tables and rows.</param>
/// <param name="RulesPath">The demo's sync rules.</param>
/// <param name="Folder">Temporary folder for the store, the devices and the logs.</param>
/// <param name="IsCheck">One scripted round instead of the live screen.</param>
internal sealed record QuickstartOptions(string Server, string SchemaPath, string RulesPath, string Folder, bool IsCheck);

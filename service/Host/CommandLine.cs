using System.CommandLine;

namespace TopGun.Buckets.Host;

/// <summary>The <c>topgun</c> command line: one sub-command per thing an operator does.</summary>
internal static class CommandLine
{
    public static RootCommand Create() => new("Syncs Postgres to SQLite on devices: WAL in, bucket checkpoints out.")
    {
        ServeCommand.Create(),
        TokenCommand.Create(),
        ValidateCommand.Create(),
        DeployCommand.Create(),
        ExplainCommand.Create(),
        SchemaCommand.Create(),
        DoctorCommand.Create(),
        VectorsCommand.Create(),
        HealthCommand.Create(),
        StoreCommand.Create(),
        BackupCommand.CreateBackup(),
        BackupCommand.CreateRestore(),
        VerifyCommand.Create(),
        CompactCommand.Create(),
    };
}

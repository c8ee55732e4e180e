namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>Where the store's tables are, and how its one writer is told from all others.</summary>
public sealed class PostgresStoreOptions
{
    /// <summary>Schema of the store's tables. Default <c>topgun_store</c>: its own, so that nothing of an application's is near.</summary>
    public string Schema { get; set; } = "topgun_store";

    /// <summary>Whether tables that are missing are made. Default true; without them there is no store otherwise (TGB2006).</summary>
    public bool Creates { get; set; } = true;

    /// <summary>How long a writer that is not heard of keeps the store. Default 5 seconds: longer than the pauses of a busy machine.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the writer is heard of. Default 1 second: several times within a lease.</summary>
    public TimeSpan Renewal { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long other processes can follow what was written from where they are. Default 5 minutes; one that is further behind loads anew.</summary>
    public TimeSpan NoticeRetention { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a read of operations waits for a server that is away. Default 10 seconds: clients come again by themselves.</summary>
    public TimeSpan ReadPatience { get; set; } = TimeSpan.FromSeconds(10);
}

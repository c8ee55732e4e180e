using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Counts in Postgres how often each write of a device took effect: applying an insert twice leaves the same row, so only a trigger can tell.</summary>
internal static class EffectsTable
{
    public static Task CreateAsync(PostgresDatabase database) => database.ExecuteAsync(
        """
        CREATE TABLE effects (id uuid NOT NULL);
        CREATE FUNCTION note_effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO effects VALUES (NEW.id); RETURN NULL; END $$;
        CREATE TRIGGER note_effect AFTER INSERT OR UPDATE ON todos FOR EACH ROW WHEN (NEW.created_by = 'device') EXECUTE FUNCTION note_effect();
        """);

    /// <param name="database">The source.</param>
    /// <param name="written">Ids of rows whose local commit a device was told of.</param>
    public static async Task AssertOnceEachAsync(PostgresDatabase database, IEnumerable<string> written)
    {
        Assert.Equal(0, await database.ReadAsync<long>("SELECT count(*) FROM (SELECT id FROM effects GROUP BY id HAVING count(*) > 1) twice"));
        await using var missing = database.DataSource.CreateCommand(
            "SELECT count(*) FROM unnest($1::uuid[]) written LEFT JOIN effects ON effects.id = written WHERE effects.id IS NULL");
        missing.Parameters.AddWithValue(written.Select(Guid.Parse).ToArray());
        Assert.Equal(0L, await missing.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }
}

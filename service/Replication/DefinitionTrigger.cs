namespace TopGun.Buckets.Replication;

/// <summary>The event trigger that tells of changed definitions in the WAL itself, in the transaction that changes them. Nobody needs it; it saves seconds.</summary>
/// <remarks>
/// Without it a changed definition is noticed with the table's next change, or within ten seconds. With it the catalogue is asked before the transaction
/// that changed it is shown, so that what is stale is marked from there on. Its function needs no right but to emit a message, and a statement of the
/// application never fails because of it. Only a superuser can make it; the service needs no right on it.
/// </remarks>
public static class DefinitionTrigger
{
    /// <summary>Name of the trigger and of its function.</summary>
    public const string Name = "topgun_ddl";

    /// <summary>What a superuser runs to be rid of it.</summary>
    public const string DropSql = "DROP EVENT TRIGGER IF EXISTS topgun_ddl; DROP FUNCTION IF EXISTS public.topgun_ddl();";

    /// <summary>What a superuser runs to have it; each statement may be run again.</summary>
    public const string Sql =
        """
        CREATE OR REPLACE FUNCTION public.topgun_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
        $$ BEGIN PERFORM pg_logical_emit_message(true, 'topgun_ddl', ''); EXCEPTION WHEN OTHERS THEN NULL; END $$;
        DROP EVENT TRIGGER IF EXISTS topgun_ddl;
        CREATE EVENT TRIGGER topgun_ddl ON ddl_command_end WHEN TAG IN (
          'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'DROP TABLE', 'CREATE INDEX', 'ALTER INDEX', 'DROP INDEX',
          'ALTER TYPE', 'DROP TYPE', 'ALTER DOMAIN', 'DROP DOMAIN', 'ALTER SCHEMA', 'DROP SCHEMA', 'DROP OWNED', 'CREATE PUBLICATION', 'ALTER PUBLICATION', 'DROP PUBLICATION')
        EXECUTE FUNCTION public.topgun_ddl();
        """;
}

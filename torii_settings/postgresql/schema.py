"""Changes the schema while the service runs."""

from typing import Self

from django.conf import settings
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as DjangoSchemaEditor


class DatabaseSchemaEditor(DjangoSchemaEditor):
    """Waits for a table's lock for a short time only: whoever wants to use the table then waits behind it.

    PostgreSQL queues locks. An ALTER TABLE that waits for a long transaction to end holds up every SELECT that comes
    after it. After `MIGRATION_LOCK_TIMEOUT` seconds it gives up, its transaction is rolled back, and the traffic goes
    on; the command `migrate` tries again.

    Migrations that are not atomic wait for as long as it takes. They are for operations that let the traffic through
    while they wait (CREATE INDEX CONCURRENTLY), and that leave something behind when they are broken off.
    """

    def __enter__(self) -> Self:
        super().__enter__()
        if self.atomic_migration and not self.collect_sql:
            with self.connection.cursor() as cursor:
                # This lasts until the transaction ends, so nothing of it is left on a connection of PgBouncer's.
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{settings.MIGRATION_LOCK_TIMEOUT}s"])
        return self

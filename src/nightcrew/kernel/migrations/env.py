"""Run by alembic. The connection comes from `store.migrate`."""

from alembic import context

from nightcrew.kernel.store import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,  # SQLite's too: `dialects.migrating_engine`
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Run by Alembic: the steps, on the connection and in the transaction of `storage.record.migrations.upgrade`."""

from alembic import context

from storage.record.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

"""What Alembic runs for a migration: on the one connection that `infra.migrations.run` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()

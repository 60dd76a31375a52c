"""Requests that a budget counts follow the address of their service."""

import sqlalchemy as sa
from alembic import op

revision = "kernel_0008"
down_revision = "kernel_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """They outlive their connection, so that one that is removed and added again begins with what is left of the budget."""
    with op.batch_alter_table("connection_call") as batch:
        batch.drop_constraint("fk_connection_call_connection_id", type_="foreignkey")
        batch.add_column(sa.Column("address", sa.String(2000), nullable=False, server_default=""))
    with op.batch_alter_table("connection_call") as batch:
        batch.alter_column("address", server_default=None)

"""Connections that belong to something of a domain."""

import sqlalchemy as sa
from alembic import op

revision = "kernel_0006"
down_revision = "kernel_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A name is taken once by what people entered; what belongs to something has a name of its owner's."""
    with op.batch_alter_table("connection") as batch:
        batch.add_column(sa.Column("owner", sa.String(60), nullable=False, server_default=""))
        batch.drop_constraint("uq_connection_name", type_="unique")
        batch.create_unique_constraint("uq_connection_name_owner", ["name", "owner"])
    with op.batch_alter_table("connection") as batch:
        batch.alter_column("owner", server_default=None)
    owned = sa.text("owner <> ''")
    op.create_index(
        "uq_connection_owner", "connection", ["owner"], unique=True, sqlite_where=owned, postgresql_where=owned
    )

"""A recording knows its films, the streams that it holds, and which container was asked for."""

import sqlalchemy as sa
from alembic import op

revision = "recordings_0003"
down_revision = "recordings_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Films that are there already are found by their name, as before."""
    with op.batch_alter_table("recording") as table:
        table.add_column(sa.Column("films", sa.Text(), nullable=True))
        table.add_column(sa.Column("streams", sa.Text(), nullable=True))
        table.add_column(sa.Column("container", sa.String(10), nullable=True))

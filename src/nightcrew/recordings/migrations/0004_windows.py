"""A recording knows its window; a watch has its own time before and after its windows."""

import sqlalchemy as sa
from alembic import op

revision = "recordings_0004"
down_revision = "recordings_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Windows that are open now are known by what their watch says, as before."""
    with op.batch_alter_table("recording") as table:
        table.add_column(sa.Column("occurrence", sa.String(60), nullable=True))
    with op.batch_alter_table("recording_watch") as table:
        table.add_column(sa.Column("start_early", sa.Integer(), nullable=True))
        table.add_column(sa.Column("end_late", sa.Integer(), nullable=True))

"""A recording says from which one of a machine that is gone it goes on."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id

revision = "recordings_0002"
down_revision = "recordings_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("recording") as table:
        table.add_column(sa.Column("continues", Id, nullable=True))

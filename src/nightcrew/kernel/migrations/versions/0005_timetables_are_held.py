"""A timetable that fires is held for a while by the node that starts its job."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Moment

revision = "kernel_0005"
down_revision = "kernel_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An occurrence that was claimed and never started is due again."""
    op.execute("UPDATE timetable SET next_at = firing_due WHERE firing_at IS NOT NULL AND firing_due IS NOT NULL")
    with op.batch_alter_table("timetable") as batch:
        batch.add_column(sa.Column("held_until", Moment, nullable=True))
        batch.drop_column("firing_due")
        batch.drop_column("firing_at")

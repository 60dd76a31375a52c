"""What connections do while their first address does not answer."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "kernel_0009"
down_revision = "kernel_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """When each began, when it was over, and how often it was taken."""
    op.create_table(
        "connection_detour",
        sa.Column("connection_id", Id, sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("began_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("over_at", Moment),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
    )

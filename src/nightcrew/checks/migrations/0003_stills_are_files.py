"""Pictures lie on disk; a row says on which machine. Those in the database are dropped: the next check takes a new one."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "checks_0003"
down_revision = "checks_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table anew."""
    op.drop_table("check_still")
    op.create_table(
        "check_still",
        sa.Column("stream_id", Id, autoincrement=False, nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["playlist_stream.id"], name=op.f("fk_check_still_stream_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_check_still")),
    )
    op.create_index("ix_check_still_node", "check_still", ["node", "at"], unique=False)

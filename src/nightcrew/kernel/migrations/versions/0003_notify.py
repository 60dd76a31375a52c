"""Who is told of what happens, and what is still to be told."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "kernel_0003"
down_revision = "kernel_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notify_target",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("shown", sa.String(length=300), nullable=False),
        sa.Column("wants", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_to", sa.String(length=5), nullable=True),
        sa.Column("loud", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("next_at", Moment, nullable=True),
        sa.Column("busy_until", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Moment, nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("delivered_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notify_target")),
        sa.UniqueConstraint("name", name=op.f("uq_notify_target_name")),
    )
    op.create_table(
        "notice",
        sa.Column("id", Id, nullable=False),
        sa.Column("target_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("batch", sa.String(length=60), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried_at", Moment, nullable=True),
        sa.Column("sent_at", Moment, nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["target_id"], ["notify_target.id"], name=op.f("fk_notice_target_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index("ix_notice_target_id_state_due_at", "notice", ["target_id", "state", "due_at"], unique=False)
    op.create_index("ix_notice_target_id_key", "notice", ["target_id", "key"], unique=False)
    op.create_index("ix_notice_last_at", "notice", ["last_at"], unique=False)
    op.create_table(
        "need_told",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_need_told")),
    )

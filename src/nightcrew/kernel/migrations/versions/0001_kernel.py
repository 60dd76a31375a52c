"""The kernel's first tables."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "kernel_0001"
down_revision = None
branch_labels = ("kernel",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "access_password",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=300), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_password")),
    )
    op.create_table(
        "access_token",
        sa.Column("id", Id, nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("output", sa.String(length=210), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_access_token_hash")),
    )
    op.create_table(
        "activity",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_at"), "activity", ["at"], unique=False)
    op.create_index(op.f("ix_activity_kind"), "activity", ["kind"], unique=False)
    op.create_table(
        "http_cache",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("stored_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_http_cache")),
    )
    op.create_index(op.f("ix_http_cache_stored_at"), "http_cache", ["stored_at"], unique=False)
    op.create_table(
        "job_progress",
        sa.Column("job", sa.String(length=200), nullable=False),
        sa.Column("done", sa.Float(), nullable=False),
        sa.Column("total", sa.Float(), nullable=True),
        sa.Column("message", sa.String(length=300), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_job_progress")),
    )
    op.create_table(
        "node",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )
    op.create_table(
        "slot_lease",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("resource", sa.String(length=120), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("taken_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("leave", sa.Boolean(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", "resource", name=op.f("pk_slot_lease")),
    )
    op.create_index(op.f("ix_slot_lease_resource"), "slot_lease", ["resource"], unique=False)
    op.create_table(
        "timetable",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("next_at", Moment, nullable=False),
        sa.Column("firing_due", Moment, nullable=True),
        sa.Column("firing_at", Moment, nullable=True),
        sa.Column("last_ok", Moment, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_timetable")),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("last_start", Moment, nullable=True),
        sa.Column("last_stop", Moment, nullable=True),
        sa.Column("last_ok", Moment, nullable=True),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "node", name=op.f("pk_worker")),
    )
    op.create_table(
        "worker_pause",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_pause")),
    )

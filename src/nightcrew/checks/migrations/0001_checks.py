"""The first tables of the checks domain."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "checks_0001"
down_revision = None
branch_labels = ("checks",)
depends_on = "playlists_0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "check_run",
        sa.Column("id", Id, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("interrupted", sa.Integer(), nullable=False),
        sa.Column("died", sa.Integer(), nullable=False),
        sa.Column("revived", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_run")),
    )
    op.create_index(op.f("ix_check_run_state"), "check_run", ["state"], unique=False)
    op.create_table(
        "check_result",
        sa.Column("id", Id, nullable=False),
        sa.Column("stream_id", Id, nullable=False),
        sa.Column("run_id", Id, nullable=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("parts", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Float(), nullable=False),
        sa.Column("video_codec", sa.String(length=40), nullable=False),
        sa.Column("audio_codec", sa.String(length=40), nullable=False),
        sa.Column("kbps", sa.Float(), nullable=True),
        sa.Column("first_byte", sa.Float(), nullable=True),
        sa.Column("used_profile", sa.String(length=60), nullable=True),
        sa.Column("failover_attempts", sa.Integer(), nullable=False),
        sa.Column("failover_phase", sa.Integer(), nullable=False),
        sa.Column("phase2_elapsed", sa.Float(), nullable=False),
        sa.Column("all_profiles_failed", sa.Boolean(), nullable=False),
        sa.Column("elapsed", sa.Float(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["playlist_stream.id"], name=op.f("fk_check_result_stream_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_result")),
    )
    op.create_index("ix_check_result_stream", "check_result", ["stream_id", "id"], unique=False)
    op.create_table(
        "check_still",
        sa.Column("stream_id", Id, autoincrement=False, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["playlist_stream.id"], name=op.f("fk_check_still_stream_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_check_still")),
    )
    op.create_table(
        "check_stream",
        sa.Column("stream_id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("stage", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_id", Id, nullable=True),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("lease_node", sa.String(length=100), nullable=True),
        sa.Column("lease_until", Moment, nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("checked_at", Moment, nullable=True),
        sa.Column("sampled_at", Moment, nullable=True),
        sa.Column("verdict", sa.String(length=12), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("verdict_at", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("dead_since", Moment, nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("good_at", Moment, nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Float(), nullable=False),
        sa.Column("video_codec", sa.String(length=40), nullable=False),
        sa.Column("audio_codec", sa.String(length=40), nullable=False),
        sa.Column("kbps", sa.Float(), nullable=True),
        sa.Column("used_profile", sa.String(length=60), nullable=True),
        sa.Column("measure_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["playlist_stream.id"], name=op.f("fk_check_stream_stream_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_check_stream")),
    )
    op.create_index(op.f("ix_check_stream_due_at"), "check_stream", ["due_at"], unique=False)
    op.create_index(
        "ix_check_stream_queue",
        "check_stream",
        ["source_id", "stage", "priority", "due_at", "stream_id"],
        unique=False,
    )
    op.create_index(op.f("ix_check_stream_measure_at"), "check_stream", ["measure_at"], unique=False)
    op.create_index(op.f("ix_check_stream_run_id"), "check_stream", ["run_id"], unique=False)
    op.create_index("ix_check_stream_verdict", "check_stream", ["verdict", "stream_id"], unique=False)

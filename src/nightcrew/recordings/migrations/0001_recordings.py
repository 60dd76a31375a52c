"""The first tables of the recordings domain."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "recordings_0001"
down_revision = None
branch_labels = ("recordings",)
depends_on = "playlists_0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "recording",
        sa.Column("id", Id, nullable=False),
        sa.Column("watch_id", Id, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("shown", sa.String(length=1000), nullable=False),
        sa.Column("channel_id", Id, nullable=True),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("since", Moment, nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("category", sa.String(length=200), nullable=False),
        sa.Column("favourite", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("season", sa.Integer(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=2000), nullable=False),
        sa.Column("folder", sa.String(length=600), nullable=False),
        sa.Column("stem", sa.String(length=300), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("started_at", Moment, nullable=True),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("stop_at", Moment, nullable=True),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("rotations", sa.Integer(), nullable=False),
        sa.Column("progress_at", Moment, nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("missing", sa.Float(), nullable=False),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("plot", sa.Text(), nullable=True),
        sa.Column("file", sa.Boolean(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
        sa.UniqueConstraint("folder", "stem", name=op.f("uq_recording_folder_stem")),
    )
    op.create_index(op.f("ix_recording_name"), "recording", ["name"], unique=False)
    op.create_index(op.f("ix_recording_state"), "recording", ["state"], unique=False)
    op.create_index(op.f("ix_recording_watch_id"), "recording", ["watch_id"], unique=False)
    op.create_table(
        "recording_watch",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("shown", sa.String(length=1000), nullable=False),
        sa.Column("channel_id", Id, nullable=True),
        sa.Column("windows", sa.Text(), nullable=False),
        sa.Column("favourite", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("keep_count", sa.Integer(), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("looked_at", Moment, nullable=True),
        sa.Column("next_look_at", Moment, nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("category", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("ended_window", sa.String(length=60), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_watch")),
        sa.UniqueConstraint("name", name=op.f("uq_recording_watch_name")),
    )
    op.create_index(op.f("ix_recording_watch_next_look_at"), "recording_watch", ["next_look_at"], unique=False)
    op.create_table(
        "recording_gap",
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_recording_gap_recording_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recording_id", "number", name=op.f("pk_recording_gap")),
    )
    op.create_table(
        "recording_move",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=True),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_recording_move_recording_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_move")),
    )
    op.create_index(op.f("ix_recording_move_recording_id"), "recording_move", ["recording_id"], unique=False)
    op.create_table(
        "recording_part",
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=True),
        sa.Column("last", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_recording_part_recording_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recording_id", "number", name=op.f("pk_recording_part")),
    )
    op.create_table(
        "recording_title",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("category", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_recording_title_recording_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_title")),
    )
    op.create_index(op.f("ix_recording_title_recording_id"), "recording_title", ["recording_id"], unique=False)

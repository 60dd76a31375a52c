"""The tables of music."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision, down_revision, branch_labels, depends_on = "music_0001", None, ("music",), None
_OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "music_count",
        sa.Column("at", Moment, nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("artists", sa.Integer(), nullable=False),
        sa.Column("albums", sa.Integer(), nullable=False),
        sa.Column("tracks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "place", name=op.f("pk_music_count")),
    )
    op.create_table(
        "music_download",
        sa.Column("id", Id, nullable=False),
        sa.Column("wanted_id", Id, nullable=False),
        sa.Column("connection_id", Id, nullable=False),
        sa.Column("peer", sa.String(length=200), nullable=False),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("explanation", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.Column("search_id", sa.String(length=40), nullable=True),
        sa.Column("remote_id", sa.String(length=40), nullable=True),
        sa.Column("remote_state", sa.String(length=60), nullable=False),
        sa.Column("earlier", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("local_path", sa.String(length=2000), nullable=False),
        sa.Column("library_path", sa.String(length=2000), nullable=False),
        sa.Column("job", sa.String(length=100), nullable=True),
        sa.Column("node", sa.String(length=100), nullable=True),
        sa.Column("tried", sa.Text(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("started_at", Moment, nullable=True),
        sa.Column("moved_at", Moment, nullable=True),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_music_download")),
    )
    op.create_index(op.f("ix_music_download_due_at"), "music_download", ["due_at"], unique=False)
    op.create_index(op.f("ix_music_download_state"), "music_download", ["state"], unique=False)
    op.create_index(op.f("ix_music_download_wanted_id"), "music_download", ["wanted_id"], unique=False)
    op.create_index(
        "uq_music_download_open",
        "music_download",
        ["wanted_id"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "music_figure",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_music_figure")),
    )
    op.create_table(
        "music_listing",
        sa.Column("wanted_id", Id, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("source_title", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("wanted_id", "source", name=op.f("pk_music_listing")),
    )
    op.create_table(
        "music_match_job",
        sa.Column("id", Id, nullable=False),
        sa.Column("wanted_id", Id, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_music_match_job")),
    )
    op.create_index(op.f("ix_music_match_job_due_at"), "music_match_job", ["due_at"], unique=False)
    op.create_index(op.f("ix_music_match_job_state"), "music_match_job", ["state"], unique=False)
    op.create_index(op.f("ix_music_match_job_wanted_id"), "music_match_job", ["wanted_id"], unique=False)
    op.create_table(
        "music_offer",
        sa.Column("id", Id, nullable=False),
        sa.Column("wanted_id", Id, nullable=False),
        sa.Column("peer", sa.String(length=200), nullable=False),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("bitrate", sa.Integer(), nullable=True),
        sa.Column("free_slot", sa.Boolean(), nullable=False),
        sa.Column("queue", sa.Integer(), nullable=False),
        sa.Column("speed", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("explanation", sa.String(length=500), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.String(length=500), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("search_id", sa.String(length=40), nullable=False),
        sa.Column("connection_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_music_offer")),
        sa.UniqueConstraint("wanted_id", "peer", "path", name=op.f("uq_music_offer_wanted_id_peer_path")),
    )
    op.create_index(op.f("ix_music_offer_wanted_id"), "music_offer", ["wanted_id"], unique=False)
    op.create_table(
        "music_run",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_music_run")),
    )
    op.create_index(op.f("ix_music_run_started_at"), "music_run", ["started_at"], unique=False)
    op.create_table(
        "music_track",
        sa.Column("id", Id, nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=2000), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("artist", sa.String(length=500), nullable=False),
        sa.Column("album", sa.String(length=500), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("isrc", sa.String(length=20), nullable=False),
        sa.Column("mbid", sa.String(length=40), nullable=False),
        sa.Column("title_key", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.Column("wanted_id", Id, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_music_track")),
        sa.UniqueConstraint("place", "key", name=op.f("uq_music_track_place_key")),
    )
    op.create_index(op.f("ix_music_track_isrc"), "music_track", ["isrc"], unique=False)
    op.create_index(op.f("ix_music_track_mbid"), "music_track", ["mbid"], unique=False)
    op.create_index(op.f("ix_music_track_title_key"), "music_track", ["title_key"], unique=False)
    op.create_index(op.f("ix_music_track_wanted_id"), "music_track", ["wanted_id"], unique=False)
    op.create_table(
        "music_wanted",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("artists", sa.Text(), nullable=False),
        sa.Column("album", sa.String(length=500), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("isrc", sa.String(length=20), nullable=False),
        sa.Column("mbid", sa.String(length=40), nullable=False),
        sa.Column("popularity", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("cause", sa.String(20), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("skips", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.Column("search_id", sa.String(length=40), nullable=True),
        sa.Column("search_step", sa.Integer(), nullable=False),
        sa.Column("search_sent", sa.Boolean(), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=60), nullable=True),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("tried_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_music_wanted")),
        sa.UniqueConstraint("key", name=op.f("uq_music_wanted_key")),
    )
    op.create_index(op.f("ix_music_wanted_due_at"), "music_wanted", ["due_at"], unique=False)
    op.create_index(op.f("ix_music_wanted_priority"), "music_wanted", ["priority"], unique=False)
    op.create_index(op.f("ix_music_wanted_run_id"), "music_wanted", ["run_id"], unique=False)
    op.create_index(op.f("ix_music_wanted_state"), "music_wanted", ["state"], unique=False)

"""The first tables of the playlists domain."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "playlists_0001"
down_revision = None
branch_labels = ("playlists",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "playlist_source",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("shown_url", sa.String(length=4000), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist_source")),
        sa.UniqueConstraint("name", name=op.f("uq_playlist_source_name")),
    )
    op.create_table(
        "playlist_feed",
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("lang", sa.String(length=20), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("rebuild_due", sa.Boolean(), nullable=False),
        sa.Column("run", sa.String(length=100), nullable=True),
        sa.Column("run_until", Moment, nullable=True),
        sa.Column("refreshed_at", Moment, nullable=True),
        sa.Column("changed_at", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("error_kind", sa.String(length=10), nullable=True),
        sa.Column("needs_user", sa.Boolean(), nullable=False),
        sa.Column("etag", sa.String(length=300), nullable=True),
        sa.Column("last_modified", sa.String(length=100), nullable=True),
        sa.Column("content_hash", sa.String(length=100), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("streams", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("held_run", sa.String(length=100), nullable=True),
        sa.Column("held_at", Moment, nullable=True),
        sa.Column("held_reason", sa.String(length=200), nullable=True),
        sa.Column("held_change", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["playlist_source.id"], name=op.f("fk_playlist_feed_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist_feed")),
        sa.UniqueConstraint("source_id", "kind", "region", name="uq_playlist_feed_slice"),
    )
    op.create_index(op.f("ix_playlist_feed_due_at"), "playlist_feed", ["due_at"], unique=False)
    op.create_index(op.f("ix_playlist_feed_region"), "playlist_feed", ["region"], unique=False)
    op.create_index(op.f("ix_playlist_feed_source_id"), "playlist_feed", ["source_id"], unique=False)
    op.create_table(
        "playlist_channel",
        sa.Column("id", Id, nullable=False),
        sa.Column("region", sa.String(length=40), nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("origin", sa.LargeBinary(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("grp", sa.String(length=300), nullable=False),
        sa.Column("logo", sa.String(length=4000), nullable=False),
        sa.Column("guide_id", sa.String(length=300), nullable=False),
        sa.Column("search", sa.String(length=600), nullable=False),
        sa.Column("edit_name", sa.String(length=300), nullable=True),
        sa.Column("edit_number", sa.String(length=20), nullable=True),
        sa.Column("edit_grp", sa.String(length=300), nullable=True),
        sa.Column("edit_logo", sa.String(length=4000), nullable=True),
        sa.Column("edit_guide_id", sa.String(length=300), nullable=True),
        sa.Column("edit_search", sa.String(length=600), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_channel_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist_channel")),
    )
    op.create_index("ix_playlist_channel_guide", "playlist_channel", ["region", "guide_id"], unique=False)
    op.create_index(
        "ix_playlist_channel_order", "playlist_channel", ["region", "feed_id", "position", "id"], unique=False
    )
    op.create_index("ix_playlist_channel_origin", "playlist_channel", ["feed_id", "origin"], unique=False)
    op.create_table(
        "playlist_guide_channel",
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("guide_id", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("icon", sa.String(length=4000), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_guide_channel_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "generation", "guide_id", name=op.f("pk_playlist_guide_channel")),
    )
    op.create_table(
        "playlist_programme",
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("guide_id", sa.String(length=300), nullable=False),
        sa.Column("start", Moment, nullable=False),
        sa.Column("stop", Moment, nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_programme_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "generation", "guide_id", "start", name=op.f("pk_playlist_programme")),
    )
    op.create_index("ix_playlist_programme_stop", "playlist_programme", ["feed_id", "stop"], unique=False)
    op.create_table(
        "playlist_run",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("rebuild", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_run_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist_run")),
    )
    op.create_index(op.f("ix_playlist_run_feed_id"), "playlist_run", ["feed_id"], unique=False)
    op.create_table(
        "playlist_staged",
        sa.Column("run", sa.String(length=100), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=1), nullable=False),
        sa.Column("ident", sa.LargeBinary(length=16), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("stream_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=True),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("grp", sa.String(length=300), nullable=True),
        sa.Column("logo", sa.String(length=4000), nullable=True),
        sa.Column("guide_id", sa.String(length=300), nullable=True),
        sa.Column("search", sa.String(length=600), nullable=True),
        sa.Column("url", sa.String(length=4000), nullable=True),
        sa.Column("provider_id", sa.String(length=300), nullable=True),
        sa.Column("attributes", sa.Text(), nullable=True),
        sa.Column("expires", sa.Boolean(), nullable=True),
        sa.Column("playable", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_staged_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_playlist_staged")),
    )
    op.create_index("ix_playlist_staged_ident", "playlist_staged", ["run", "ident"], unique=False)
    op.create_table(
        "playlist_stream",
        sa.Column("id", Id, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("channel_id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("ident", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=4000), nullable=False),
        sa.Column("provider_id", sa.String(length=300), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=True),
        sa.Column("expires", sa.Boolean(), nullable=False),
        sa.Column("playable", sa.Boolean(), nullable=False),
        sa.Column("gone_at", Moment, nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("dead", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("place", sa.Integer(), server_default="500", nullable=False),
        sa.Column("profile", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["playlist_channel.id"], name=op.f("fk_playlist_stream_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_stream_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playlist_stream")),
        sa.UniqueConstraint("feed_id", "key", name="uq_playlist_stream_key"),
    )
    op.create_index(op.f("ix_playlist_stream_channel_id"), "playlist_stream", ["channel_id"], unique=False)
    op.create_table(
        "playlist_variant",
        sa.Column("stream_id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["playlist_stream.id"], name=op.f("fk_playlist_variant_stream_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("stream_id", "key", name=op.f("pk_playlist_variant")),
    )

"""Channels find their guide by id without case, and by name; a channel can be shifted and numbered; guides keep all that they say."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.store import Id, Moment

revision = "playlists_0003"
down_revision = "playlists_0002"
branch_labels = None
depends_on = None
_VALIDATORS = ("etag", "last_modified", "content_hash")


def upgrade() -> None:
    """Add the columns. Names are known once a guide is read again; ids at once."""
    op.add_column("playlist_channel", sa.Column("edit_shift", sa.Integer(), nullable=True))
    op.add_column("playlist_channel", sa.Column("given_number", sa.Integer(), nullable=True))
    op.drop_index("ix_playlist_channel_guide", "playlist_channel")
    op.create_index("ix_playlist_channel_guide", "playlist_channel", ["region", sa.text("lower(guide_id)")])
    op.add_column(
        "playlist_programme", sa.Column("attributes", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("playlist_guide_channel", sa.Column("body", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column(
        "playlist_guide_channel", sa.Column("key", sa.String(300), nullable=False, server_default=sa.text("''"))
    )
    op.execute("UPDATE playlist_guide_channel SET key = lower(guide_id)")
    op.create_index("ix_playlist_guide_channel_key", "playlist_guide_channel", ["key"])
    op.create_table(
        "playlist_guide_name",
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("bare", sa.Boolean(), nullable=False),
        sa.Column("guide_id", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["playlist_feed.id"], name=op.f("fk_playlist_guide_name_feed_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "generation", "key", "bare", name=op.f("pk_playlist_guide_name")),
    )
    op.create_index("ix_playlist_guide_name_key", "playlist_guide_name", ["key"])
    # fetched anew at once, though the document may be the same: what it says more is not stored yet
    feed = sa.table("playlist_feed", sa.column("kind"), sa.column("due_at", Moment), *map(sa.column, _VALIDATORS))
    again = dict.fromkeys(_VALIDATORS) | {"due_at": utcnow()}
    op.execute(sa.update(feed).where(feed.c.kind == "guide").values(again))

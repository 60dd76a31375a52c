"""Staged rows are kept in the order of their list."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id

revision = "playlists_0004"
down_revision = "playlists_0003"
branch_labels = None
depends_on = None
_SAID = (
    *("run", "key", "feed_id", "kind", "ident", "hash", "position", "stream_id", "channel_id", "name", "number", "grp"),
    *("logo", "guide_id", "search", "url", "provider_id", "attributes", "expires", "playable"),
)


def upgrade() -> None:
    """Make the table anew, with what is held back in it."""
    op.execute("CREATE TABLE playlist_staged_kept AS SELECT * FROM playlist_staged")
    op.drop_table("playlist_staged")
    op.create_table(
        "playlist_staged",
        sa.Column("run", sa.String(length=100), nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=1), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=True),
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
        sa.PrimaryKeyConstraint("run", "place", name=op.f("pk_playlist_staged")),
    )
    new, kept = (
        sa.table(name, *map(sa.column, ("place", *_SAID))) for name in ("playlist_staged", "playlist_staged_kept")
    )
    place = sa.func.row_number().over(partition_by=kept.c.run, order_by=(kept.c.position, kept.c.key)) - 1
    op.execute(sa.insert(new).from_select(["place", *_SAID], sa.select(place, *(kept.c[name] for name in _SAID))))
    op.drop_table("playlist_staged_kept")

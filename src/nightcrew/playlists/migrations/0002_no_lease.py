"""Who refreshes a feed has its lock; nothing runs out any more."""

from alembic import op

revision = "playlists_0002"
down_revision = "playlists_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the end of the lease."""
    op.drop_column("playlist_feed", "run_until")

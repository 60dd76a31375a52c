"""Better files for tracks that are owned, and what wrong songs sounded like."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision, down_revision, branch_labels, depends_on = "music_0004", "music_0003", None, None


def upgrade() -> None:
    """Add the columns and the table: nothing was looked for or listened to until now."""
    op.add_column("music_wanted", sa.Column("replaces", Id, nullable=True))
    op.add_column("music_wanted", sa.Column("better_at", Moment, nullable=True))
    replaced = sa.Column("replaced", sa.String(2100), server_default=sa.text("''"), nullable=False)
    op.add_column("music_download", replaced)
    op.create_table(
        "music_wrong_sound",
        sa.Column("id", Id, primary_key=True),
        sa.Column("wanted_id", Id, nullable=False),
        sa.Column("peer", sa.String(200), nullable=False),
        sa.Column("path", sa.String(1000), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.create_index("ix_music_wrong_sound_wanted_id", "music_wrong_sound", ["wanted_id"])

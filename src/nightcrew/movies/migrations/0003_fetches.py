"""Films that may be fetched by themselves, and who else has a torrent."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision, down_revision, branch_labels, depends_on = "movies_0003", "movies_0002", None, None


def upgrade() -> None:
    """Make it, with the films that have a good source now."""
    op.create_table(
        "movie_fetch",
        sa.Column("movie_id", Id, nullable=False),
        sa.Column("good_since", Moment, nullable=False),
        sa.Column("held", sa.String(20), nullable=True),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.PrimaryKeyConstraint("movie_id", name=op.f("pk_movie_fetch")),
    )
    op.create_index(op.f("ix_movie_fetch_due_at"), "movie_fetch", ["due_at"], unique=False)
    op.execute(
        sa.text(
            "INSERT INTO movie_fetch (movie_id, good_since, due_at) SELECT id, best_at, best_at FROM movie"
            " WHERE wanted AND best_id IS NOT NULL AND best_at IS NOT NULL"
        )
    )
    op.create_index(op.f("ix_movie_handover_swarm"), "movie_handover", ["swarm"], unique=False)

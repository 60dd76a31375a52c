"""The tables of hand-overs to download clients."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision, down_revision, branch_labels, depends_on = "movies_0002", "movies_0001", None, None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "movie_handover",
        sa.Column("id", Id, nullable=False),
        sa.Column("movie_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("connection_id", Id, nullable=False),
        sa.Column("swarm", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(20), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("waited", sa.Float(), nullable=False),
        sa.Column("missed", sa.Float(), nullable=False),
        sa.Column("got", sa.BigInteger(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=False),
        sa.Column("eta_s", sa.Float(), nullable=True),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.Column("begun_at", Moment, nullable=False),
        sa.Column("looked_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movie_handover")),
        sa.UniqueConstraint("movie_id", "swarm", name=op.f("uq_movie_handover_movie_id_swarm")),
    )
    op.create_index(op.f("ix_movie_handover_movie_id"), "movie_handover", ["movie_id"], unique=False)
    op.create_index(op.f("ix_movie_handover_due_at"), "movie_handover", ["due_at"], unique=False)
    where = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_movie_handover_open",
        "movie_handover",
        ["movie_id"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "movie_blocked",
        sa.Column("movie_id", Id, nullable=False),
        sa.Column("fingerprint", sa.String(length=300), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("blocked_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("movie_id", "fingerprint", name=op.f("pk_movie_blocked")),
    )

"""Nodes hold their names, say how wrong their clocks are, and stay known when they are gone; the key is checked at a start."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Moment

revision = "kernel_0002"
down_revision = "kernel_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    with op.batch_alter_table("node") as table:
        table.add_column(sa.Column("place", sa.String(length=500), nullable=True))
        table.add_column(sa.Column("instance", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("skew", sa.Float(), nullable=True))
        table.add_column(sa.Column("stopped", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("taken_at", Moment, nullable=True))
        table.add_column(sa.Column("gone_at", Moment, nullable=True))
        table.add_column(sa.Column("taken_by", sa.String(length=100), nullable=True))
        table.add_column(sa.Column("had", sa.Text(), nullable=True))
    with op.batch_alter_table("setting") as table:
        table.alter_column("key", existing_type=sa.String(length=100), type_=sa.String(length=210))
    op.create_table(
        "vault_canary",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_canary")),
    )

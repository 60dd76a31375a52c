"""Ways out of this network."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Moment

revision = "kernel_0010"
down_revision = "kernel_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Routes as people define them, and how each stands at each node."""
    op.create_table(
        "route",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("shown", sa.String(length=300), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_route")),
    )
    op.create_table(
        "route_state",
        sa.Column("route", sa.String(length=40), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("canary_s", sa.Float(), nullable=True),
        sa.Column("canary_at", Moment, nullable=True),
        sa.Column("public", sa.String(length=45), nullable=False),
        sa.Column("parked", sa.Integer(), nullable=False),
        sa.Column("parked_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["route"], ["route.name"], name=op.f("fk_route_state_route"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("route", "node", name=op.f("pk_route_state")),
    )

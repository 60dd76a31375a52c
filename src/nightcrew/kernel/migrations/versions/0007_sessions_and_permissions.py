"""Sessions are rows, and API keys have permissions."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision = "kernel_0007"
down_revision = "kernel_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was open is closed: people log in again. The keys that there are keep doing everything."""
    op.create_table(
        "access_session",
        sa.Column("id", Id, primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("password", sa.String(16), nullable=False),
        sa.Column("address", sa.String(60), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
    )
    with op.batch_alter_table("access_token") as batch:
        batch.add_column(sa.Column("permission", sa.String(10), nullable=False, server_default="admin"))
    op.execute("UPDATE access_token SET permission = 'players' WHERE scope = 'player'")
    with op.batch_alter_table("access_token") as batch:
        batch.alter_column("permission", server_default=None)

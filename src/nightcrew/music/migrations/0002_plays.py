"""How often a wanted track was played lately."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "music_0002", "music_0001", None, None


def upgrade() -> None:
    """Add the column: nothing was counted until now."""
    op.add_column("music_wanted", sa.Column("plays", sa.Integer(), server_default="0", nullable=False))

"""What a file was found by is kept part by part."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "music_0003", "music_0002", None, None


def upgrade() -> None:
    """Add the column: of files that were found before only the explanation is known."""
    op.add_column("music_offer", sa.Column("parts", sa.Text(), server_default="{}", nullable=False))

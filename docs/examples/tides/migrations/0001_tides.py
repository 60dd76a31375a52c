"""The table of harbours."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Moment

revision, down_revision, branch_labels, depends_on = "tides_0001", None, ("tides",), None


def upgrade() -> None:
    """Make it."""
    columns = [sa.Column("due_at", Moment, nullable=False, index=True), sa.Column("measured_at", Moment)]
    columns += [sa.Column("level", sa.Float()), sa.Column("error", sa.String(500))]
    op.create_table("tide", sa.Column("harbour", sa.String(60), primary_key=True), *columns)

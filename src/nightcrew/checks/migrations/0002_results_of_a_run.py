"""The results of one run are found without a look at all others."""

from alembic import op

revision = "checks_0002"
down_revision = "checks_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_check_result_run", "check_result", ["run_id", "id"], unique=False)

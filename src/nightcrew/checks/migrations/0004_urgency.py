"""Checks are claimed by urgency, which grows with waiting; variants are measured for each source in its turn."""

from alembic import op

revision = "checks_0004"
down_revision = "checks_0003"
branch_labels = None
depends_on = None

URGENCY = {
    "sqlite": "(julianday(due_at) + priority * 0.0416666666667)",
    "postgresql": "((due_at AT TIME ZONE 'UTC') + priority * interval '3600 seconds')",
}
"""As `nightcrew.kernel.due.urgency` writes it."""


def upgrade() -> None:
    """Make the indexes."""
    dialect = op.get_bind().dialect.name
    op.drop_index("ix_check_stream_queue", "check_stream")
    op.execute(f"CREATE INDEX ix_check_stream_queue ON check_stream (source_id, stage, {URGENCY[dialect]}, stream_id)")
    op.create_index("ix_check_stream_measure", "check_stream", ["source_id", "measure_at"], unique=False)

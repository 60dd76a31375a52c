"""The tables of movies and shows."""

import sqlalchemy as sa
from alembic import op

from nightcrew.kernel.store import Id, Moment

revision, down_revision, branch_labels, depends_on = "movies_0001", None, ("movies",), None

URGENCY = {
    "sqlite": "(julianday(due_at) + -priority * 0.0416666666667)",
    "postgresql": "((due_at AT TIME ZONE 'UTC') + -priority * interval '3600 seconds')",
}
"""As `nightcrew.kernel.due.urgency` writes it."""


def _some(name: str, table: str, which: str, *columns: str | sa.TextClause) -> None:
    """An index of the rows that have `which`."""
    has = sa.text(f"{which} IS NOT NULL")
    op.create_index(name, table, list(columns or (which,)), unique=False, sqlite_where=has, postgresql_where=has)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "media_list",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("medium", sa.String(10), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("held_times", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.Column("refreshed_at", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_list")),
        sa.UniqueConstraint("name", name=op.f("uq_media_list_name")),
    )
    op.create_index(op.f("ix_media_list_due_at"), "media_list", ["due_at"], unique=False)
    op.create_table(
        "media_list_place",
        sa.Column("list_id", Id, nullable=False),
        sa.Column("tmdb_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "tmdb_id", name=op.f("pk_media_list_place")),
    )
    op.create_table(
        "movie",
        sa.Column("id", Id, nullable=False),
        sa.Column("tmdb_id", sa.Integer(), nullable=False),
        sa.Column("imdb_id", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("original_title", sa.String(length=500), nullable=False),
        sa.Column("titles", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("overview", sa.Text(), nullable=False),
        sa.Column("released_on", sa.String(length=10), nullable=False),
        sa.Column("runtime_min", sa.Integer(), nullable=True),
        sa.Column("genres", sa.Text(), nullable=False),
        sa.Column("poster", sa.String(length=200), nullable=False),
        sa.Column("backdrop", sa.String(length=200), nullable=False),
        sa.Column("popularity", sa.Float(), nullable=False),
        sa.Column("vote_average", sa.Float(), nullable=False),
        sa.Column("vote_count", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("synced_at", Moment, nullable=True),
        sa.Column("sync_due_at", Moment, nullable=True),
        sa.Column("sync_holder", sa.String(length=100), nullable=True),
        sa.Column("sync_until", Moment, nullable=True),
        sa.Column("sync_failures", sa.Integer(), nullable=False),
        sa.Column("search_due_at", Moment, nullable=True),
        sa.Column("best_id", Id, nullable=True),
        sa.Column("best_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movie")),
        sa.UniqueConstraint("tmdb_id", name=op.f("uq_movie_tmdb_id")),
    )
    op.create_index(op.f("ix_movie_imdb_id"), "movie", ["imdb_id"], unique=False)
    op.create_index(op.f("ix_movie_popularity"), "movie", ["popularity"], unique=False)
    op.create_index(op.f("ix_movie_sync_due_at"), "movie", ["sync_due_at"], unique=False)
    op.create_index("ix_movie_wanted", "movie", ["wanted", "search_due_at"], unique=False)
    _some("ix_movie_best", "movie", "best_id")
    _some("ix_movie_held", "movie", "sync_until")
    op.create_table(
        "movie_checkpoint",
        sa.Column("medium", sa.String(10), nullable=False),
        sa.Column("known_to", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("medium", name=op.f("pk_movie_checkpoint")),
    )
    op.create_index(op.f("ix_movie_checkpoint_due_at"), "movie_checkpoint", ["due_at"], unique=False)
    op.create_table(
        "movie_profile",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_movie_profile")),
    )
    op.create_table(
        "movie_search",
        sa.Column("id", Id, nullable=False),
        sa.Column("movie_id", Id, nullable=False),
        sa.Column("connection_id", Id, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.Column("asked_at", Moment, nullable=True),
        sa.Column("answered_at", Moment, nullable=True),
        sa.Column("in_vain", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movie_search")),
        sa.UniqueConstraint("movie_id", "connection_id", name=op.f("uq_movie_search_movie_id_connection_id")),
    )
    op.create_index(op.f("ix_movie_search_movie_id"), "movie_search", ["movie_id"], unique=False)
    op.create_index("ix_movie_search_turn", "movie_search", ["connection_id", "due_at"], unique=False)
    urgency = URGENCY[op.get_bind().dialect.name]
    op.execute(f"CREATE INDEX ix_movie_search_queue ON movie_search (connection_id, {urgency}, id)")
    _some("ix_movie_search_held", "movie_search", "until")
    op.create_table(
        "movie_source",
        sa.Column("id", Id, nullable=False),
        sa.Column("movie_id", Id, nullable=False),
        sa.Column("connection_id", Id, nullable=False),
        sa.Column("fingerprint", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("swarm", sa.String(length=40), nullable=False),
        sa.Column("hash_v2", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("claimed_seeds", sa.Integer(), nullable=True),
        sa.Column("claimed_leechers", sa.Integer(), nullable=True),
        sa.Column("published_at", Moment, nullable=True),
        sa.Column("found_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("unfit", sa.String(length=500), nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=True),
        sa.Column("leechers", sa.Integer(), nullable=True),
        sa.Column("completed", sa.Integer(), nullable=True),
        sa.Column("counted_at", Moment, nullable=True),
        sa.Column("file_due_at", Moment, nullable=True),
        sa.Column("file_holder", sa.String(length=100), nullable=True),
        sa.Column("file_until", Moment, nullable=True),
        sa.Column("file_failures", sa.Integer(), nullable=False),
        sa.Column("stats_due_at", Moment, nullable=True),
        sa.Column("stats_holder", sa.String(length=100), nullable=True),
        sa.Column("stats_until", Moment, nullable=True),
        sa.Column("stats_wait_h", sa.Float(), nullable=False),
        sa.Column("resync_due_at", Moment, nullable=True),
        sa.Column("resync_holder", sa.String(length=100), nullable=True),
        sa.Column("resync_until", Moment, nullable=True),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movie_source")),
        sa.UniqueConstraint("movie_id", "fingerprint", name=op.f("uq_movie_source_movie_id_fingerprint")),
    )
    op.create_index(op.f("ix_movie_source_connection_id"), "movie_source", ["connection_id"], unique=False)
    op.create_index(op.f("ix_movie_source_file_due_at"), "movie_source", ["file_due_at"], unique=False)
    op.create_index(op.f("ix_movie_source_movie_id"), "movie_source", ["movie_id"], unique=False)
    op.create_index(op.f("ix_movie_source_resync_due_at"), "movie_source", ["resync_due_at"], unique=False)
    op.create_index(op.f("ix_movie_source_state"), "movie_source", ["state"], unique=False)
    op.create_index(op.f("ix_movie_source_stats_due_at"), "movie_source", ["stats_due_at"], unique=False)
    op.create_index(op.f("ix_movie_source_swarm"), "movie_source", ["swarm"], unique=False)
    _some("ix_movie_source_files", "movie_source", "file_due_at", "connection_id", "file_due_at")
    order = (sa.text("(file_failures != 0)"), sa.text("score DESC"), "file_due_at")
    _some("ix_movie_source_queue", "movie_source", "file_due_at", "connection_id", *order, "id")
    _some("ix_movie_source_reading", "movie_source", "file_until")
    _some("ix_movie_source_counting", "movie_source", "stats_until")
    _some("ix_movie_source_resyncing", "movie_source", "resync_until")
    op.create_table(
        "movie_source_health",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=False),
        sa.Column("leechers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "at", name=op.f("pk_movie_source_health")),
    )
    op.create_table(
        "movie_source_offer",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("connection_id", Id, nullable=False),
        sa.Column("guid", sa.String(length=500), nullable=False),
        sa.Column("reach", sa.Text(), nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "connection_id", name=op.f("pk_movie_source_offer")),
    )
    op.create_table(
        "movie_swarm",
        sa.Column("swarm", sa.String(length=40), nullable=False),
        sa.Column("tracker_id", Id, nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=True),
        sa.Column("leechers", sa.Integer(), nullable=True),
        sa.Column("completed", sa.Integer(), nullable=True),
        sa.Column("at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("swarm", "tracker_id", name=op.f("pk_movie_swarm")),
    )
    op.create_index(op.f("ix_movie_swarm_tracker_id"), "movie_swarm", ["tracker_id"], unique=False)
    op.create_table(
        "movie_task_sample",
        sa.Column("at", Moment, nullable=False),
        sa.Column("task", sa.String(length=40), nullable=False),
        sa.Column("node", sa.String(length=100), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("backlog", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "task", "node", name=op.f("pk_movie_task_sample")),
    )
    op.create_table(
        "movie_tracker",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=300), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.Column("asked_at", Moment, nullable=True),
        sa.Column("free_at", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movie_tracker")),
        sa.UniqueConstraint("key", name=op.f("uq_movie_tracker_key")),
    )
    op.create_table(
        "show",
        sa.Column("id", Id, nullable=False),
        sa.Column("tmdb_id", sa.Integer(), nullable=False),
        sa.Column("imdb_id", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("original_title", sa.String(length=500), nullable=False),
        sa.Column("titles", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("overview", sa.Text(), nullable=False),
        sa.Column("first_on", sa.String(length=10), nullable=False),
        sa.Column("last_on", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("season_count", sa.Integer(), nullable=False),
        sa.Column("episode_count", sa.Integer(), nullable=False),
        sa.Column("genres", sa.Text(), nullable=False),
        sa.Column("poster", sa.String(length=200), nullable=False),
        sa.Column("backdrop", sa.String(length=200), nullable=False),
        sa.Column("popularity", sa.Float(), nullable=False),
        sa.Column("vote_average", sa.Float(), nullable=False),
        sa.Column("vote_count", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("synced_at", Moment, nullable=True),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("until", Moment, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_show")),
        sa.UniqueConstraint("tmdb_id", name=op.f("uq_show_tmdb_id")),
    )
    op.create_index(op.f("ix_show_due_at"), "show", ["due_at"], unique=False)
    op.create_index(op.f("ix_show_popularity"), "show", ["popularity"], unique=False)
    op.create_table(
        "show_episode",
        sa.Column("id", Id, nullable=False),
        sa.Column("season_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("overview", sa.Text(), nullable=False),
        sa.Column("air_on", sa.String(length=10), nullable=False),
        sa.Column("runtime_min", sa.Integer(), nullable=True),
        sa.Column("still", sa.String(length=200), nullable=False),
        sa.Column("vote_average", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_show_episode")),
        sa.UniqueConstraint("season_id", "number", name=op.f("uq_show_episode_season_id_number")),
    )
    op.create_index(op.f("ix_show_episode_season_id"), "show_episode", ["season_id"], unique=False)
    op.create_table(
        "show_season",
        sa.Column("id", Id, nullable=False),
        sa.Column("show_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("overview", sa.Text(), nullable=False),
        sa.Column("poster", sa.String(length=200), nullable=False),
        sa.Column("air_on", sa.String(length=10), nullable=False),
        sa.Column("episode_count", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("synced_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_show_season")),
        sa.UniqueConstraint("show_id", "number", name=op.f("uq_show_season_show_id_number")),
    )
    op.create_index(op.f("ix_show_season_show_id"), "show_season", ["show_id"], unique=False)

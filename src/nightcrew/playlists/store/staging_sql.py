"""The set-based statements of `staging.py`. They read the same on SQLite (3.35+) and PostgreSQL.

Staged kinds: n new, c changed (its stream is known), m moved (only the position differs), g gone.
A channel's *lead* is the stream that it was made from: `channel.feed_id` and `channel.origin` name it. Names, numbers
and logos come from the lead; streams of other sources only add addresses.
"""

from __future__ import annotations

import sqlalchemy as sa

from nightcrew.kernel.store import Moment

RENAMED_NOW = sa.text("""
    UPDATE playlist_staged AS fresh SET kind = 'c', stream_id = lost.stream_id
    FROM (
        SELECT ident, min(stream_id) AS stream_id, min(lower(name)) AS name
        FROM playlist_staged WHERE run = :run AND kind = 'g' GROUP BY ident HAVING count(*) = 1) AS lost
    WHERE fresh.run = :run AND fresh.kind = 'n' AND fresh.ident = lost.ident AND lower(fresh.name) = lost.name
      AND fresh.ident IN (
        SELECT ident FROM playlist_staged WHERE run = :run AND kind = 'n' GROUP BY ident HAVING count(*) = 1)
      AND :feed = fresh.feed_id
""")

RENUMBERED_NOW = sa.text("""
    UPDATE playlist_staged AS fresh SET kind = 'c', stream_id = lost.stream_id
    FROM (
        SELECT lower(name) AS name, lower(grp) AS grp, min(stream_id) AS stream_id FROM playlist_staged
        WHERE run = :run AND kind = 'g' AND name IS NOT NULL GROUP BY lower(name), lower(grp) HAVING count(*) = 1) AS lost
    WHERE fresh.run = :run AND fresh.kind = 'n' AND lower(fresh.name) = lost.name AND lower(fresh.grp) = lost.grp
      AND fresh.place IN (
        SELECT min(place) FROM playlist_staged WHERE run = :run AND kind = 'n'
        GROUP BY lower(name), lower(grp) HAVING count(*) = 1)
      AND :feed = fresh.feed_id
""")
"""What has another id now, and a name in its group that nothing else has, before and now."""

DROP_RENAMED = sa.text("""
    DELETE FROM playlist_staged WHERE run = :run AND kind = 'g' AND feed_id = :feed AND stream_id IN (
        SELECT stream_id FROM playlist_staged WHERE run = :run AND kind = 'c')
""")

_REGION = "(SELECT region FROM playlist_feed WHERE id = :feed)"

# `|| ''` and `+ 0` keep SQLite from going through all these lists, or all channels of a feed, for each staged row
MERGE = sa.text(f"""
    UPDATE playlist_staged AS fresh SET channel_id = known.id
    FROM playlist_channel AS known
    WHERE fresh.run = :run AND fresh.kind = 'n' AND fresh.guide_id <> ''
      AND known.region = {_REGION} AND lower(known.guide_id) = lower(fresh.guide_id) AND known.active
      AND known.feed_id + 0 IN (
        SELECT id FROM playlist_feed
        WHERE enabled AND source_id <> (SELECT source_id FROM playlist_feed WHERE id = :feed))
      AND lower(fresh.guide_id) || '' IN (
        SELECT lower(guide_id) FROM playlist_staged WHERE run = :run AND kind IN ('n', 'c')
        GROUP BY lower(guide_id) HAVING count(*) = 1)
      AND lower(known.guide_id) || '' IN (
        SELECT lower(guide_id) FROM playlist_channel
        WHERE region = {_REGION} AND active AND guide_id <> '' GROUP BY lower(guide_id) HAVING count(*) = 1)
      AND NOT EXISTS (SELECT 1 FROM playlist_stream AS s WHERE s.channel_id = known.id AND s.feed_id = :feed)
""")

_LEAD = """
    FROM playlist_staged AS s JOIN playlist_stream AS t ON t.id = s.stream_id
    WHERE s.run = :run AND s.kind = '{kind}' AND c.id = t.channel_id AND c.feed_id = :feed AND c.origin = t.key
"""

_OWN = "c.feed_id = :feed AND c.origin = s.key"
"""A channel that was made from the entry, and may have lost all streams of this list since."""

_STATEMENTS = (
    # 1. channels for new entries: the one that was made from it, or a new one
    f"""
        UPDATE playlist_staged AS s SET channel_id = (SELECT min(c.id) FROM playlist_channel AS c WHERE {_OWN})
        WHERE s.run = :run AND s.kind = 'n' AND s.channel_id IS NULL
          AND EXISTS (SELECT 1 FROM playlist_channel AS c WHERE {_OWN})
        """,
    f"""
        UPDATE playlist_channel AS c SET name = s.name, number = s.number, grp = s.grp, logo = s.logo,
            guide_id = s.guide_id, search = s.search, position = s.position, active = TRUE
        FROM playlist_staged AS s WHERE s.run = :run AND s.kind = 'n' AND c.id = s.channel_id AND {_OWN}
        """,
    """
        INSERT INTO playlist_channel
            (region, feed_id, position, origin, active, hidden, name, number, grp, logo, guide_id, search)
        SELECT f.region, s.feed_id, s.position, s.key, TRUE, FALSE, s.name, s.number, s.grp, s.logo, s.guide_id, s.search
        FROM playlist_staged AS s JOIN playlist_feed AS f ON f.id = s.feed_id
        WHERE s.run = :run AND s.kind = 'n' AND s.channel_id IS NULL
        ORDER BY s.place
        """,
    # 2. what the lead says of its channel (before its key may change)
    f"""
        UPDATE playlist_channel AS c SET name = s.name, number = s.number, grp = s.grp, logo = s.logo,
            guide_id = s.guide_id, search = s.search, position = s.position, origin = s.key
        {_LEAD.format(kind="c")}
        """,
    f"""
        UPDATE playlist_channel AS c SET position = s.position
        {_LEAD.format(kind="m")}
        """,
    # 3. streams that changed, moved, vanished or are new
    """
        UPDATE playlist_stream AS t SET key = s.key, ident = s.ident, hash = s.hash, position = s.position, url = s.url,
            provider_id = s.provider_id, attributes = s.attributes, expires = s.expires, playable = s.playable,
            gone_at = NULL
        FROM playlist_staged AS s WHERE s.run = :run AND s.kind = 'c' AND t.id = s.stream_id
        """,
    """
        UPDATE playlist_stream AS t SET position = s.position
        FROM playlist_staged AS s WHERE s.run = :run AND s.kind = 'm' AND t.id = s.stream_id
        """,
    """
        UPDATE playlist_stream SET gone_at = :now
        WHERE id IN (SELECT stream_id FROM playlist_staged WHERE run = :run AND kind = 'g')
        """,
    f"""
        INSERT INTO playlist_stream
            (feed_id, channel_id, key, ident, hash, position, url, provider_id, attributes, expires, playable)
        SELECT s.feed_id, coalesce(s.channel_id, (SELECT max(c.id) FROM playlist_channel AS c WHERE {_OWN})),
            s.key, s.ident, s.hash, s.position, s.url, s.provider_id, s.attributes, s.expires, s.playable
        FROM playlist_staged AS s WHERE s.run = :run AND s.kind = 'n'
        ORDER BY s.place
        """,
    # 4. a channel is active while one of its streams is listed
    """
        UPDATE playlist_channel SET active = FALSE
        WHERE id IN (
            SELECT t.channel_id FROM playlist_stream AS t JOIN playlist_staged AS s ON s.stream_id = t.id
            WHERE s.run = :run AND s.kind = 'g')
          AND NOT EXISTS (
            SELECT 1 FROM playlist_stream AS t WHERE t.channel_id = playlist_channel.id AND t.gone_at IS NULL)
        """,
    """
        UPDATE playlist_channel SET active = TRUE
        WHERE NOT active AND id IN (
            SELECT t.channel_id FROM playlist_stream AS t JOIN playlist_staged AS s ON s.stream_id = t.id
            WHERE s.run = :run AND s.kind = 'c')
        """,
)

APPLY = tuple(
    sa.text(statement).bindparams(sa.bindparam("now", type_=Moment)) if ":now" in statement else sa.text(statement)
    for statement in _STATEMENTS
)
"""In this order, within one transaction."""

"""What was measured of variants that their master playlist does not describe."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from nightcrew.kernel.store import Store
from nightcrew.playlists.formats.master import Measured
from nightcrew.playlists.models import variant


async def known(store: Store, stream_id: int) -> dict[bytes, Measured]:
    """Height and frame rate of a stream's variants, by `master.variant_key`."""
    async with store.read() as connection:
        rows = await connection.execute(sa.select(variant).where(variant.c.stream_id == stream_id))
        return {row.key: (row.height, row.fps) for row in rows}


async def save(store: Store, stream_id: int, found: Mapping[bytes, Measured]) -> None:
    """Take the place of what was known of a stream's variants."""
    rows = [{"stream_id": stream_id, "key": key, "height": size[0], "fps": size[1]} for key, size in found.items()]
    async with store.write() as connection:
        await connection.execute(sa.delete(variant).where(variant.c.stream_id == stream_id))
        if rows:
            await connection.execute(sa.insert(variant), rows)

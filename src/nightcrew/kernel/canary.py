"""A sealed word in the database: a node with another key is refused before it stores or fails to read anything."""

from __future__ import annotations

import sqlalchemy as sa

from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.store import Store, metadata
from nightcrew.kernel.vault import KEY_VARIABLE, Vault

WORD = "canary"

vault_canary = sa.Table(
    "vault_canary",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
)


async def check_key(store: Store, vault: Vault) -> None:
    """Raises `NeedsUser` when the database's secrets are sealed with another key. The first key of all becomes the database's."""
    async with store.write() as connection:
        first = store.upsert(vault_canary).values(id=1, sealed=vault.seal(WORD)).on_conflict_do_nothing()
        await connection.execute(first)
        sealed = (await connection.execute(sa.select(vault_canary.c.sealed))).scalar_one()
    if not opens(vault, sealed):
        raise NeedsUser(
            "this key does not open the secrets of this database: restore secret.key from a backup, or set "
            f"{KEY_VARIABLE} to the key that the other nodes use"
        )


def opens(vault: Vault, sealed: str) -> bool:
    """Whether the vault has the key that sealed a database's canary."""
    try:
        return bool(vault.unseal(sealed) == WORD)
    except NeedsUser:
        return False

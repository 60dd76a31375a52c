"""Secrets at rest. One key encrypts what users typed; losing it loses the secrets, not the rest."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from nightcrew.kernel import big_json
from nightcrew.kernel.errors import NeedsUser

KEY_VARIABLE = "NIGHTCREW_SECRET_KEY"
KEY_FILE = "secret.key"


class Vault:
    """Encrypts and decrypts with Fernet (AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, key: str | bytes) -> None:
        try:
            self._fernet = Fernet(key)
            self._key = key if isinstance(key, bytes) else key.encode()
        except ValueError as exc:
            raise NeedsUser(f"the secret key must be 32 bytes in URL-safe base64 (see {KEY_VARIABLE})") from exc

    @classmethod
    def open(cls, data_dir: Path) -> Vault:
        """Use `NIGHTCREW_SECRET_KEY`, else `secret.key` in the data directory, made at first use (mode 0600).

        Nodes that share a database must share the key.
        """
        key = key_in_use(data_dir)
        if key is not None:
            return cls(key)
        key = Fernet.generate_key()
        descriptor = os.open(data_dir / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def seal(self, value: Any) -> str:
        """Encrypt any JSON value to text."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode()).decode()

    def unseal(self, text: str) -> Any:
        """The value behind `text`. Raises `NeedsUser` when it was sealed with another key."""
        try:
            return big_json.read(self._fernet.decrypt(text.encode()))
        except InvalidToken as exc:
            raise NeedsUser(
                f"a stored secret cannot be read with this key: restore secret.key, set {KEY_VARIABLE} to the "
                "key of the other nodes, or enter the secret again"
            ) from exc

    def mark(self, purpose: str, text: str) -> str:
        """64 hex digits that tell one sealed text from another, and say nothing of it to who does not have the key."""
        return hmac.digest(derived(self._key, purpose), text.encode(), hashlib.sha256).hex()


def key_in_use(data_dir: Path) -> bytes | None:
    """The key that a node with this data directory and environment uses; None: its first start would make one."""
    given = given_key()
    path = data_dir / KEY_FILE
    return given or (path.read_bytes().strip() if path.exists() else None)


def given_key() -> bytes | None:
    """The key that the environment sets."""
    return os.environ.get(KEY_VARIABLE, "").encode() or None


def derived(key: bytes, purpose: str) -> bytes:
    """Another key for one purpose: who knows it does not know `key`."""
    return hmac.digest(key.strip(), purpose.encode(), hashlib.sha256)

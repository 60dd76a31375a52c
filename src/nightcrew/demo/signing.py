"""Tokens and signed URLs that expire by themselves: nothing is stored."""

import hashlib
import hmac
import secrets


class Signer:
    """Texts look like `1790000000-0123456789abcdef`: the second of expiry, then the signature."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def sign(self, subject: str, expires: int) -> str:
        digest = hmac.digest(self._key, f"{subject}:{expires}".encode(), hashlib.sha256)
        return f"{expires}-{digest.hex()[:16]}"

    def valid(self, subject: str, text: str, now: float) -> bool:
        expires = text.partition("-")[0]
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            return False
        return hmac.compare_digest(text.encode(), self.sign(subject, int(expires)).encode()) and now < int(expires)

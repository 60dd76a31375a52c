"""One messenger: takes one message, answers what became of it, and ends. It ends with its server, however that ends."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nightcrew.child import die_with_parent
from nightcrew.messenger.wire import LOCAL, MAX_LINE, Delivery, Told, schema_of

MASK = "•••"
MAX_REASON = 300
LIBRARY = (".py", ".pyc", ".so", ".pem", ".mo")
"""Endings of the files of Python and its packages that are still read once the messenger is shut in."""
FORBIDDEN = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.startfile", "pty.spawn", "subprocess.Popen"}
)


def main() -> None:
    """Read one `Ask` from standard input, and write one `Told` to standard output."""
    die_with_parent()
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not come before the answer
    ask = Delivery(**json.loads(sys.stdin.buffer.readline(MAX_LINE)))
    os.write(answers, deliver(ask).line())


def deliver(ask: Delivery) -> Told:
    """Pass a message on, or say why that is not possible.

    Catches everything: apprise's plugins are the work of many, each may raise anything, and a traceback shows the address.
    """
    schema = schema_of(ask.address)
    if not schema:
        return Told(False, "it does not look like service://…")
    if schema in LOCAL:
        return Told(False, f"{schema}:// leads to this machine itself, where nobody is told")
    words, name = Words(), ""
    try:
        service = service_of(ask.address)
        if service is None:
            return Told(False, hidden(words.last or f"apprise knows no service {schema}://", ask.address))
        name = str(getattr(service, "service_name", "") or schema)
        if not ask.send:
            return Told(True, service=name)
        taken = bool(service.notify(body=ask.text, title=ask.title, notify_type=ask.tone, body_format="text"))
    except Exception as exc:  # noqa: BLE001 - a plugin's defect is an answer too
        return Told(False, hidden(f"{type(exc).__name__}: {exc}", ask.address), name)
    return Told(taken, "" if taken else hidden(words.last or "it did not take the message", ask.address), name)


def service_of(address: str) -> Any:
    """apprise's object for the address, None when it cannot be used. From here on no file can be read any more."""
    import apprise

    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False)
    apprise.Apprise.instantiate("json://127.0.0.1", asset=asset)  # reads its many modules
    shut_in()
    return apprise.Apprise.instantiate(address, asset=asset)


def shut_in() -> None:
    """No file is opened from now on but those of Python itself, and no program is started: addresses may name files."""
    roots = tuple({str(Path(path).resolve()) + os.sep for path in (sys.prefix, sys.base_prefix, *sys.path) if path})

    def guard(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _mode, flags = args
            if isinstance(path, int):
                return
            name = os.path.realpath(os.fsdecode(path))
            reading = not (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not (reading and name.startswith(roots) and name.endswith(LIBRARY)):
                raise PermissionError("a message's address may name no file")
        elif event in FORBIDDEN:
            raise PermissionError("a message's address may start no program")

    sys.addaudithook(guard)


class Words(logging.Handler):
    """Keeps the last warning of apprise, which is the reason when it says no."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        logger = logging.getLogger("apprise")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.last = " ".join(record.getMessage().split())


def hidden(text: str, address: str) -> str:
    """`text` without any part of the address that could be a secret: all but its schema."""
    text = re.sub(r"\b([a-z][a-z0-9+.-]*://)\S+", rf"\1{MASK}", text)
    _, _, rest = address.partition("://")
    pieces = {piece for piece in re.split(r"[/:@?&=;,+#\s]+", rest) if len(piece) >= 3}
    pieces |= {unquote(piece) for piece in pieces}
    for piece in sorted({rest, *pieces}, key=len, reverse=True):
        if piece:
            text = text.replace(piece, MASK)
    return text[:MAX_REASON]


if __name__ == "__main__":
    main()

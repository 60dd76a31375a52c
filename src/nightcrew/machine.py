"""What a node has of its machine: a data directory for itself alone, a port, and log lines."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import structlog

from nightcrew.kernel.access import Access
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.redaction import RedactingFormatter, log_processor

EVERYWHERE = frozenset(["0.0.0.0", "::", ""])  # noqa: S104 - compared, not bound
"""Hosts that stand for all addresses of a machine."""


def alive_file() -> Path | None:
    """`NIGHTCREW_ALIVE_FILE`: written at each sign of life, for who watches this node from outside (`contrib/healthcheck`).

    It holds the address of a server's page, and nothing for a worker.
    """
    given = os.environ.get("NIGHTCREW_ALIVE_FILE")
    return Path(given) if given else None


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """One server for each data directory: two would recover each other's running jobs."""
    path = data_dir / "server.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise NeedsUser(
                f"another Nightcrew already uses {data_dir}; stop it, or choose another --data-dir"
            ) from exc
        yield


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, taken before anything is started. Raises `NeedsUser` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise NeedsUser(
            f"cannot listen on {host} port {port}: {exc.strerror}. Choose another with --port or --host"
        ) from exc
    return listener


def check_exposure(host: str, access: Access) -> None:
    """Beyond the loopback address only with a password."""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not access.protected:
        raise NeedsUser(
            f"before Nightcrew listens on {host}, set a password: the environment variable NIGHTCREW_PASSWORD, or `nightcrew passwd`"
        )


def page_of(host: str, port: int) -> str:
    """Where a program on this machine reaches a server that listens there."""
    return f"http://{'127.0.0.1' if host in EVERYWHERE else shown_host(host)}:{port}"


def shown_host(host: str) -> str:
    if host in EVERYWHERE:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def configure_logging(*, level: str = "INFO") -> None:
    """Log lines on stderr: readable on a terminal, logfmt elsewhere; secrets are redacted in both."""
    import logging

    tty = sys.stderr.isatty()
    render = structlog.dev.ConsoleRenderer() if tty else structlog.processors.LogfmtRenderer(sort_keys=False)
    steps = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        log_processor,
        render,
    ]
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=steps,  # type: ignore[arg-type]
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in ("httpx2", "httpcore2", "alembic", "uvicorn.error", "dbos"):
        logging.getLogger(name).setLevel(logging.ERROR)

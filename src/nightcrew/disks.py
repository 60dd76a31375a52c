"""File systems as they are: what some of them cannot do is no error."""

from __future__ import annotations

import errno
import os

NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF})
"""What those answer that cannot sync a file or a folder, as some of networks do."""


def synced(descriptor: int, *, data_only: bool = False) -> bool:
    """Have what was written on the disk; whether its file system can do that. Raises OSError for anything else.

    `data_only`: not the times of the file.
    """
    sync = os.fdatasync if data_only and hasattr(os, "fdatasync") else os.fsync
    try:
        sync(descriptor)
    except OSError as exc:
        if exc.errno not in NO_SYNC:
            raise
        return False
    return True

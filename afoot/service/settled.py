"""Whether a file that somebody lays down is whole, as far as anybody but its writer can tell.

A writer who has it open is seen at once where the system says so (Linux, on a local disk, for files of our own account); else a
file counts as whole that was not changed for some seconds.
"""

import errno
import fcntl
import os
import signal
from pathlib import Path

# Closed, it may be opened again to write on; where nothing tells that it is closed, a stalled copy must not look whole.
CLOSED_MS, QUIET_MS = 1_000, 5_000
# A program that keeps a file open for good must not keep it from being read.
FORGOTTEN_MS = 600_000


def is_settled(path: Path, now_ms: int) -> bool:
    """Whether nobody writes to the file any more. Raises: OSError if it is gone, or cannot be opened"""
    # A time to come is no time at which it was written: a copy may keep the time of a clock that was wrong.
    quiet_ms = abs(now_ms - path.stat().st_mtime_ns // 1_000_000)
    if quiet_ms < CLOSED_MS:
        return False
    needed = {True: FORGOTTEN_MS, False: CLOSED_MS, None: QUIET_MS}
    return quiet_ms >= needed[_is_open_to_write(path)]


def _is_open_to_write(path: Path) -> bool | None:
    """Whether some process has the file open to write; None where the system does not tell.

    Source: fcntl(2), F_SETLEASE: a read lease is refused with EAGAIN while the file is open for writing
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # Whoever opens it in this very moment breaks the lease: the signal that says so must be one that ends nothing.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(handle)
    return False

"""Where fetched files are kept, and the lock that keeps two processes from writing one file."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from synthetic_healthcare.errors import DataError

_log = logging.getLogger(__name__)
#: A folder laid out as `heart/processed.cleveland.data`, ...: looked at before anything is downloaded.
LOCAL: Final = "SYNTHETIC_HEALTHCARE_DATA"
#: Where fetched files go.
CACHE: Final = "SYNTHETIC_HEALTHCARE_CACHE"
_POLL_S: Final = 0.2


def cache_folder() -> Path:
    """The folder of fetched files: SYNTHETIC_HEALTHCARE_CACHE, else the system's own place for caches."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "synthetic-healthcare" / "datasets"


def local_folder() -> Path | None:
    """The folder that SYNTHETIC_HEALTHCARE_DATA names, if it does."""
    named = os.environ.get(LOCAL)
    return Path(named).expanduser() if named else None


@contextmanager
def locked(target: Path, *, timeout_s: float = 600.0) -> Iterator[None]:
    """Hold the right to write `target`; the system gives it back when a process dies.

    Raises
    ------
    DataError
        Another process held it for longer than `timeout_s`.
    """
    path = target.with_name(target.name + ".lock")
    with path.open("a+b") as file:
        deadline, told = time.monotonic() + timeout_s, False
        while not _take(file):
            if not told:
                _log.info("another process is fetching %s; waiting", target.name)
                told = True
            if time.monotonic() >= deadline:
                raise DataError(
                    f"another process has been fetching {str(target)!r} for {timeout_s:.0f} s. Wait "
                    "for it, or "
                    "end it, and ask again"
                )
            time.sleep(_POLL_S)
        yield


def _take(file: IO[bytes]) -> bool:
    """Lock an open file, or say that another process has it. Closing the file gives the lock back."""
    if sys.platform == "win32":
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of `path` when the block ends without an error.

    The content is on the disk before the name changes, so that a full disk, a kill or a power cut leaves
    either the old file or the new one, never a part.
    """
    target = Path(path)
    file, draft = open_draft(target)
    try:
        with file:
            yield file
            put_in_place(file, draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def open_draft(target: Path) -> tuple[IO[bytes], Path]:
    """Open a new file beside `target`, to be moved over it when it is complete."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    # Not tempfile: its 0600 would survive the rename, and the user's umask decides who may read.
    return draft.open("xb"), draft


def put_in_place(file: IO[bytes], draft: Path, target: Path) -> None:
    """Bring every byte of the draft to the disk, then give it the target's name."""
    file.flush()
    os.fsync(file.fileno())
    os.replace(draft, target)
    # Makes the rename itself durable; Windows opens no folders and needs none of this.
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

"""Model files on disk: written whole or not at all, read with every byte checked."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from synthetic_healthcare.artifacts.format import Array, Documents, TensorGroups, pack, unpack
from synthetic_healthcare.errors import ArtifactError

__all__ = ["read_model", "replacing", "write_model"]


def write_model(path: str | Path, *, documents: Documents, tensors: TensorGroups) -> None:
    """Write a model file; a file that stood at `path` is replaced at once, or not touched.

    Parameters
    ----------
    path : path
        Where to write. The folder must exist.
    documents : Mapping of str to JSON
        Plain data; see `artifacts.format.pack`.
    tensors : Mapping of str to Mapping of str to array
        Groups of named arrays.

    Raises
    ------
    ArtifactError
        The content does not fit the format, or the file cannot be written (no such folder, disk full); the
        file that stood there before is as it was.
    """
    data = pack(documents, tensors)
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise ArtifactError(
            f"the model could not be written to {str(path)!r}: {reason}. "
            "A file that stood there before is unchanged"
        ) from problem


def read_model(path: str | Path) -> tuple[dict[str, Any], dict[str, dict[str, Array]]]:
    """Read a model file and check every byte of it; runs no code from the file.

    Returns
    -------
    documents, tensors
        What `write_model` was given.

    Raises
    ------
    ArtifactError
        The file is missing, foreign, damaged, truncated or of a newer major version.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise ArtifactError(f"the model file {str(path)!r} cannot be read: {reason}") from problem
    try:
        return unpack(data)
    except ArtifactError as problem:
        raise ArtifactError(f"{path}: {problem}") from problem


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new file that takes the place of `path` when the block ends without an error.

    The content is on the disk before the name changes, so that a full disk, a kill or a power cut leaves
    either the old file or the new one, never a part.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    # Not tempfile: its 0600 would survive the rename, and the user's umask decides who may read.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    # Makes the rename itself durable; Windows opens no folders and needs none of this.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

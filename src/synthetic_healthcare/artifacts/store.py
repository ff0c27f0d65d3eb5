"""Model files on disk: written whole or not at all, read with every byte checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthetic_healthcare.artifacts.format import Array, Documents, TensorGroups, pack, unpack
from synthetic_healthcare.errors import ArtifactError
from synthetic_healthcare.files import replacing


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

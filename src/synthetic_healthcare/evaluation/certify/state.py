"""What is done of a certification, in a file: it goes on where it stopped, and mixes no two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

from synthetic_healthcare.errors import CheckpointError
from synthetic_healthcare.files import replacing

_FORMAT: Final = 1


@final
class State:
    """Finished parts by name; each is written as soon as it is there.

    The file holds scores and counts, no row of a patient.

    Parameters
    ----------
    path : Path or None
        The file; `None` keeps the parts in memory only.
    spec : Mapping
        Plain data that decide the results: table, schema, settings, generator.

    Raises
    ------
    CheckpointError
        Where the file belongs to another certification, or is none.
    """

    def __init__(self, path: Path | None, spec: Mapping[str, Any]) -> None:
        text = json.dumps({"format": _FORMAT, **spec}, sort_keys=True, default=str)
        self._spec = hashlib.sha256(text.encode()).hexdigest()
        self._path = path
        self._done: dict[str, Any] = {}
        if path is not None and path.exists():
            self._done = self._load(path)

    def _load(self, path: Path) -> dict[str, Any]:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            spec, done = data["spec"], data["done"]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path} is no state of a certification; name another file") from error
        if spec != self._spec:
            raise CheckpointError(
                f"{path} belongs to another certification (other rows, schema, settings or generator). "
                "Name another file, or remove this one to begin again"
            )
        return dict(done)

    def get(self, part: str) -> Any:
        """A finished part, or `None`."""
        return self._done.get(part)

    def put(self, part: str, outcome: Any) -> None:
        """Keep a finished part."""
        self._done[part] = outcome
        if self._path is None:
            return
        with replacing(self._path) as file:
            file.write(json.dumps({"spec": self._spec, "done": self._done}).encode())

"""Single measurements as lines of a JSON file, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

Record = dict[str, Any]


@final
class Records:
    """A file of measurements, one a line, written as each is done.

    Parameters
    ----------
    path : Path
        Made where it does not exist. A last line that was cut off is left out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told = _read(path)

    def find(self, key: Mapping[str, Any]) -> Record | None:
        """The latest measurement that bears this key and did not fail."""
        for record in reversed(self._told):
            if record["status"] != "failed" and all(record.get(name) == key[name] for name in key):
                return record
        return None

    def add(self, record: Record) -> None:
        """Append a measurement, down to the disk."""
        self._told.append(record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> list[Record]:
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if text and not text.endswith("\n"):
        # Cut off in the middle of a line: what is whole is kept, and new lines begin after it.
        lines = lines[:-1]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [json.loads(line) for line in lines]

"""What commands say: exit codes, JSON on standard output, and the console for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

#: The input, a file or a setting cannot be used; one line says why.
REFUSED: Final = 1
#: A metric failed: the report is written and says which, but it is not whole.
METRIC_FAILED: Final = 3
#: A fault of the program.
UNEXPECTED: Final = 4

#: Shown below every command's help.
EPILOG: Final = (
    "Exit codes: 0 done; 1 an input, file or setting cannot be used; 2 wrong use of the command line; "
    "3 a metric failed; 4 a fault of the program; 130 interrupted. "
    "--debug, at any place, shows the traceback of an error."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of text.")]
Seed = Annotated[int | None, typer.Option(help="Same seed, same bytes. Left out: a fresh one.", min=0)]


def console() -> Console:
    """Return the console on standard output."""
    from rich.console import Console

    return Console(highlight=False)


def print_json(data: Mapping[str, Any] | list[Any]) -> None:
    """Print plain data as JSON on standard output."""
    typer.echo(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False))


def describe_file(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}

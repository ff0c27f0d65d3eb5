"""What a long phase tells its watcher: a protocol, a silent one, and the one that a terminal shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, final


class Progress(Protocol):
    """A watcher of named phases; every call is cheap and none may fail the work that it watches."""

    def start(self, phase: str, total: int | None = None) -> None:
        """Open `phase`, of `total` units where the number is known."""

    def advance(self, done: int, **facts: float) -> None:
        """Say that `done` units (in all) are finished, with figures worth showing (losses, scores)."""

    def finish(self) -> None:
        """Close the phase that is open."""


@final
class Silent:
    """Shows nothing."""

    def start(self, phase: str, total: int | None = None) -> None:
        """Ignore."""

    def advance(self, done: int, **facts: float) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""


@final
class TerminalProgress:
    """One live line a phase on standard error: a bar, the time left and the figures of the moment (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[facts]}"),
            console=Console(stderr=True),
        )
        self._task: int | None = None

    def start(self, phase: str, total: int | None = None) -> None:
        """Open a line for `phase`."""
        self._bars.start()
        self._task = self._bars.add_task(phase, total=total, facts="")

    def advance(self, done: int, **facts: float) -> None:
        """Move the open line to `done` units."""
        if self._task is not None:
            shown = "  ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in facts.items())
            self._bars.update(self._task, completed=done, facts=shown)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Fill the open line and leave it standing."""
        if self._task is not None:
            task = self._bars.tasks[self._task]
            total = task.total if task.total is not None else 1
            self._bars.update(self._task, total=total, completed=total)  # type: ignore[arg-type]
            self._task = None
        self._bars.stop()


def default_progress() -> Progress:
    """Return a live display where standard error is a terminal, and silence elsewhere."""
    return TerminalProgress() if sys.stderr.isatty() else Silent()


@contextmanager
def phase(progress: Progress, name: str, total: int | None = None) -> Iterator[Progress]:
    """Open a phase for the length of a `with` block, and close it whatever happens."""
    progress.start(name, total)
    try:
        yield progress
    finally:
        progress.finish()

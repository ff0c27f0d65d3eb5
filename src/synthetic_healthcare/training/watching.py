"""`Watcher`: what looks on at the boundaries of a training's steps and may end it.

The trainer knows no more of it than this: what is watched and what is done about it is the watcher's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol, final

#: Why a training ended where a watcher ended it; the second one goes on from its checkpoint.
ALERT: Final = "alert"
PAUSED: Final = "paused"


@final
@dataclass(frozen=True)
class Step:
    """A boundary between two updates.

    Parameters
    ----------
    update : int
        Updates done; 0 before the first one.
    total : int
        Updates in the whole training.
    losses : callable
        Gives each phase's last loss, as far as it may leave the step.
    norms : Mapping of str to float
        Norm of each phase's last gradient, as it moved the weights; empty where the watcher did not ask.
    averaged : callable
        Opens a block in which the sampler holds its averaged weights.
    """

    update: int
    total: int
    losses: Callable[[], Mapping[str, float]]
    norms: Mapping[str, float]
    averaged: Callable[[], AbstractContextManager[None]]


class Watcher(Protocol):
    """Called between updates; it may read, and must leave the training as it was."""

    def resume(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Take in what `to_state` gave in an earlier attempt; nothing where the training starts anew."""

    def wants_norms(self, update: int) -> bool:
        """Whether the norms of the gradients are wanted after this update."""

    def look(self, step: Step) -> str:
        """Look at a boundary; return `ALERT` or `PAUSED` to end the training here, or nothing."""

    def to_state(self) -> list[dict[str, Any]]:
        """Plain data for the checkpoint."""

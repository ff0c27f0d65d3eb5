"""`Checkpoint`: where a training saves itself, so that a killed fit goes on where it was.

A checkpoint holds weights, optimiser state, the state of the random generator and the curves; no rows. It
belongs to one run: another table, schema or setting is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthetic_healthcare.artifacts.store import read_model, write_model
from synthetic_healthcare.errors import CheckpointError
from synthetic_healthcare.training.history import History

_FILE: Final = "training.checkpoint"


@final
@dataclass
class State:
    """Where a training stands, apart from its tensors.

    Parameters
    ----------
    update : int
        Updates done.
    chosen, score, kept
        The check that is kept: its update, mean score (lower is better) and averaged weights.
    best_score, best_rows
        The best check so far: its mean score and the scores that it is the mean of.
    waited : int
        Checks in a row that were worse than the best one.
    seconds : float
        Time spent, over all attempts.
    reason : str
        Why it stopped early; empty while it goes on.
    history : History
        The curves.
    watched : list of dict
        What a watcher has to know when the training goes on.
    """

    update: int = 0
    chosen: int = 0
    score: float | None = None
    kept: dict[str, Tensor] = field(default_factory=dict)
    best_score: float | None = None
    best_rows: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    waited: int = 0
    seconds: float = 0.0
    reason: str = ""
    history: History = field(default_factory=History)
    watched: list[dict[str, Any]] = field(default_factory=list)


@final
class Checkpoint:
    """One folder that one run saves itself to.

    Parameters
    ----------
    folder : str or Path
        Made where it does not exist.
    identity : Mapping of str to str
        What the run is: hashes of table, schema and settings.
    seed : int
        The run's seed, so that a run without one of its own can go on.
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, str], *, seed: int) -> None:
        self._path = Path(folder) / _FILE
        self._identity = {**identity, "seed": str(seed)}

    def save(
        self, state: State, losses: Mapping[str, list[float]], tensors: Mapping[str, Mapping[str, Tensor]]
    ) -> None:
        """Write the whole state, at once or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "identity": self._identity,
            "update": state.update,
            "chosen": state.chosen,
            "score": state.score,
            "best_score": state.best_score,
            "waited": state.waited,
            "seconds": state.seconds,
            "reason": state.reason,
            "history": state.history.to_dict(),
            "watched": state.watched,
            "losses": dict(losses),
        }
        arrays = {
            group: {
                name: np.ascontiguousarray(value.detach().cpu().numpy()) for name, value in values.items()
            }
            for group, values in tensors.items()
        }
        write_model(self._path, documents={"checkpoint": document}, tensors=arrays)

    def load(self) -> tuple[State, dict[str, list[float]], dict[str, dict[str, Tensor]]] | None:
        """Read the state back; `None` where there is none yet.

        Raises
        ------
        CheckpointError
            It belongs to another run.
        """
        if not self._path.exists():
            return None
        documents, arrays = read_model(self._path)
        document: dict[str, Any] = documents["checkpoint"]
        self._require_same(document["identity"])
        tensors = {
            group: {name: torch.from_numpy(np.array(value)) for name, value in values.items()}
            for group, values in arrays.items()
        }
        state = State(
            update=document["update"],
            chosen=document["chosen"],
            score=document["score"],
            kept=tensors["kept"],
            best_score=document["best_score"],
            best_rows=tensors["best"]["rows"].numpy(),
            waited=document["waited"],
            seconds=document["seconds"],
            reason=document["reason"],
            history=History(document["history"]),
            watched=document.get("watched", []),
        )
        return state, document["losses"], tensors

    def _require_same(self, found: Mapping[str, str]) -> None:
        differing = sorted(name for name, value in self._identity.items() if found.get(name) != value)
        if differing:
            raise CheckpointError(
                f"the checkpoint in {str(self._path.parent)!r} belongs to another run: its "
                f"{', '.join(differing)} differ. Give another folder, or delete this one to start again"
            )


def recorded_seed(folder: str | Path) -> int | None:
    """Return the seed of the run that a folder's checkpoint belongs to; `None` where there is none."""
    path = Path(folder) / _FILE
    if not path.exists():
        return None
    documents, _ = read_model(path)
    return int(documents["checkpoint"]["identity"]["seed"])

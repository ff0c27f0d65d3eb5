"""What `fit` was asked for, and the streams of chance that follow from it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.monitoring.monitor import PrivacyMonitor
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.training.checkpoints import recorded_seed

#: What a seed is split into, so that no stage's draws depend on how many another stage made.
_STREAMS: Final = ("split", "prepare", "train", "sample")


@final
@dataclass(frozen=True)
class FitRequest:
    """What `fit` was asked for.

    Parameters
    ----------
    config : RunConfig
        All settings.
    random_state : int or None
        The user's seed; `None`: a fresh one, or that of the checkpoint.
    schema : Schema, path or None
        The columns, where declared.
    target : str or None
        The column to predict.
    holdout : float or table
        Share of the rows to keep aside, or a table of other patients.
    checkpoint : path or None
        Folder of the checkpoint.
    rules : RulePack or None
        What generated rows have to keep.
    monitor : PrivacyMonitor or None
        Watches the training; not the trials of a choice.
    ledger : PrivacyLedger, path or None
        What was read of the same patients before; a path is written again after the fit.
    """

    config: RunConfig
    random_state: int | None
    schema: Schema | str | Path | None
    target: str | None
    holdout: Any
    checkpoint: str | Path | None
    rules: RulePack | None = None
    monitor: PrivacyMonitor | None = None
    ledger: PrivacyLedger | str | Path | None = None


def seed_of(request: FitRequest) -> int:
    """The user's seed; else that of the training to go on with; else a fresh one."""
    if request.random_state is not None:
        return request.random_state
    recorded = None if request.checkpoint is None else recorded_seed(request.checkpoint)
    return secrets.randbits(62) if recorded is None else recorded


def stream(seed: int, name: str, *, call: int = 0) -> np.random.Generator:
    """Return one of the independent streams of a seed; `call` numbers the uses of one stream."""
    return np.random.default_rng([seed, _STREAMS.index(name), call])


def share_of(holdout: Any) -> float | None:
    """Read `holdout` as a share; `None` where it is a table.

    Raises
    ------
    ConfigError
        It is neither.
    """
    if holdout is None or isinstance(holdout, bool):
        raise ConfigError(f"holdout must be a share (0: none) or a table; this is a {type(holdout).__name__}")
    if not isinstance(holdout, int | float | np.number):
        return None
    # Written so that nan is refused too.
    if not 0 <= holdout < 1:
        raise ConfigError(f"holdout must be a share from 0 to below 1, or a table; this is {holdout}")
    return float(holdout)

"""Settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final, get_args

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.evaluation._base import Suite
from synthetic_healthcare.rules.pack import RulePack
from synthetic_healthcare.schema.time_to_event import TimeToEvent


@final
@dataclass(frozen=True)
class EvaluationOptions:
    """Settings of an evaluation.

    Parameters
    ----------
    seed : int, default 0
        Equal seeds give equal reports, bit for bit.
    bootstrap : int, default 200
        Resamples of the hold-out behind the intervals of utility.
    max_rows : int, default 5000
        Rows of each table that are judged; larger tables are subsampled, and the report says so. They are
        compared with up to ten times as many rows when near copies are sought, and exact copies are sought in
        all rows.
    nulls : int, default 64
        Draws of pseudo-members that say what the attacks read where nothing leaks.
    threshold : float, default 0.09
        Largest tolerable risk; the verdict asks for a privacy score of 1 less this. 0.09 = 1/11 is the level
        of EMA Policy 0070 and of Health Canada's public release guidance.
    figures : bool, default True
        Whether the data behind the report's pictures are collected.
    rules : RulePack, optional
        Clinical rules whose violations are counted in the synthetic and the real rows.
    suite : {"standard", "full"}, default "standard"
        Whether metrics that take minutes run too.
    time_to_event : TimeToEvent, optional
        The columns that survival is judged by, in place of those that the schema names.
    protected : tuple of str or None
        Columns whose groups are to be treated alike. `None`: quasi-identifiers of the schema whose values are
        classes or ages.

    Raises
    ------
    ConfigError
        For a setting out of range.
    """

    seed: int = 0
    bootstrap: int = 200
    max_rows: int = 5000
    nulls: int = 64
    threshold: float = 0.09
    figures: bool = True
    rules: RulePack | None = None
    suite: Suite = "standard"
    time_to_event: TimeToEvent | None = None
    protected: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("bootstrap", 20), ("max_rows", 100), ("nulls", 4)):
            if getattr(self, name) < least:
                raise ConfigError(f"evaluation.{name} is {getattr(self, name)}; it must be at least {least}")
        if self.suite not in get_args(Suite):
            raise ConfigError(f"evaluation.suite is {self.suite!r}; known: {', '.join(get_args(Suite))}")
        if not 0.0 < self.threshold < 1.0:
            raise ConfigError(f"evaluation.threshold is {self.threshold}; it must lie between 0 and 1")

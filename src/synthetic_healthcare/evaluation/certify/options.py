"""Settings of a certification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from synthetic_healthcare.errors import ConfigError


@final
@dataclass(frozen=True)
class CertifyOptions:
    """Settings of a certification.

    Parameters
    ----------
    canaries : int, default 1000
        Invented outliers of the one-run audit, each trained on with probability 1/2; at least 500.
    records : int, default 10
        Most isolated patients that the shadow attacks are made on, 10 to 50. 0: no shadow attacks.
    trainings : int, default 100
        Generators trained for the shadow attacks, each on a table that holds each of these patients with
        probability 1/2. The largest epsilon that can be refuted grows with their logarithm.
    queries : int, default 30
        Targeted queries a patient: random sets of 2 to 4 columns, whose values the rows are asked for.
    delta : float, default 1e-5
        The delta of the guarantee that is tried.
    claimed_epsilon : float, optional
        The epsilon that the generator claims; the result says whether it is refuted.
    seed : int, default 0
        Decides canaries, queries and who is trained on; it is handed on to the generator, counted up.

    Raises
    ------
    ConfigError
        For a setting out of range.
    """

    canaries: int = 1000
    records: int = 10
    trainings: int = 100
    queries: int = 30
    delta: float = 1e-5
    claimed_epsilon: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        allowed = (
            ("canaries", self.canaries == 0 or self.canaries >= 500, "0 (no audit) or at least 500"),
            ("records", 0 <= self.records <= 50, "from 0 (no shadow attacks) to 50"),
            ("trainings", self.trainings >= 12, "at least 12"),
            ("queries", self.queries >= 1, "at least 1"),
            ("delta", 0.0 <= self.delta < 1.0, "from 0 to below 1"),
            ("seed", self.seed >= 0, "at least 0"),
            (
                "claimed_epsilon",
                self.claimed_epsilon is None or self.claimed_epsilon >= 0.0,
                "at least 0",
            ),
        )
        for name, holds, wanted in allowed:
            if not holds:
                raise ConfigError(f"certify.{name} is {getattr(self, name)}; it must be {wanted}")
        if not self.canaries and not self.records:
            raise ConfigError("certify: with 0 canaries and 0 records there is nothing to do")

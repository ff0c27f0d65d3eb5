"""What the metrics of fidelity ask for by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from synthetic_healthcare.evaluation.fidelity.prdc import real_balls
from synthetic_healthcare.evaluation.fidelity.survival import declared_times, follow_up

FIDELITY_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {
    "in_real_balls": real_balls,
    "time_to_event": declared_times,
    "follow_up": follow_up,
}

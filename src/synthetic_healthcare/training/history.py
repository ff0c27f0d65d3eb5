"""`History`: the curves of a training, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final


@final
@dataclass
class History:
    """Named curves, each a list of [update, value]; losses are means since the last point.

    A loss says whether a training is stable, never whether the rows are good; `score` does: it compares
    generated rows with rows that the model does not learn from, and lower is better.
    """

    curves: dict[str, list[list[float]]] = field(default_factory=dict)

    def add(self, update: int, values: Mapping[str, float]) -> None:
        """Add one point to each named curve."""
        for name, value in values.items():
            self.curves.setdefault(name, []).append([update, value])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {name: [list(point) for point in curve] for name, curve in self.curves.items()}

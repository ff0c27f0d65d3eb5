"""The parts of a row as the features from which later parts are told: for models that go part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.schema.layout import Encoded, Layout, Part

Features = npt.NDArray[np.float32]

#: Most categories of a part that get an indicator of their own; the others share "none of these".
_INDICATORS: Final = 15


def blank_rows(layout: Layout, n: int) -> Encoded:
    """Return `n` rows whose parts are yet to be drawn: zeros, and no category chosen."""
    return Encoded(
        layout,
        np.zeros((n, len(layout.of_kind("continuous"))), dtype=np.float32),
        np.full((n, len(layout.of_kind("categorical"))), -1, dtype=np.int32),
        np.zeros((n, sum(part.width for part in layout.of_kind("bits"))), dtype=np.uint8),
    )


@final
@dataclass(frozen=True)
class Design:
    """Which features each part gives, and the order in which the parts are told.

    Parameters
    ----------
    order : tuple of int
        Indices of the parts: categories and codes as they stand in the layout, then numbers. A table's groups
        are told first, so that a number's mixture over groups is a choice that was already made.
    starts : tuple of int
        First feature of each part, by index of the part. A part is told from the features before this one.
    indicators : tuple of tuples of int
        Categories that have a feature, by index of the part; empty for other kinds.
    width : int
        Number of features.
    """

    order: tuple[int, ...]
    starts: tuple[int, ...]
    indicators: tuple[tuple[int, ...], ...]
    width: int

    @staticmethod
    def of(layout: Layout) -> Design:
        """Lay the features of a layout out."""
        parts = layout.parts
        order = sorted(range(len(parts)), key=lambda index: parts[index].kind == "continuous")
        indicators = tuple(_indicators(part) for part in parts)
        starts = [0] * len(parts)
        width = 0
        for index in order:
            starts[index] = width
            kind = parts[index].kind
            width += len(indicators[index]) if kind == "categorical" else parts[index].width
        return Design(tuple(order), tuple(starts), indicators, width)

    def write(self, features: Features, rows: Encoded, index: int) -> None:
        """Write one part's features, shape (n, width), from rows in which it stands."""
        part, start = rows.layout.parts[index], self.starts[index]
        if part.kind == "continuous":
            features[:, start] = rows.continuous[:, part.store]
        elif part.kind == "bits":
            features[:, start : start + part.width] = rows.bits[:, part.store : part.store + part.width]
        else:
            chosen = rows.codes[:, part.store]
            for place, category in enumerate(self.indicators[index]):
                features[:, start + place] = chosen == category


def _indicators(part: Part) -> tuple[int, ...]:
    """Return the categories with an indicator: all but the commonest of few, the commonest of many."""
    if part.kind != "categorical":
        return ()
    commonest = np.argsort(-np.asarray(part.marginal or (1.0,) * part.width), kind="stable")
    # The commonest category of an ungated part is where all its indicators are zero; behind a gate, zeros
    # also say that the gate is shut, and the gate's own indicator tells the two apart.
    return tuple(sorted(commonest[1 : _INDICATORS + 1].tolist()))

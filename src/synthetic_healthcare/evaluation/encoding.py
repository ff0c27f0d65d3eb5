"""One encoding of rows for every distance and every learner, fitted on the real rows and the same for all.

No figure may depend on the order of rows or columns, on the spelling of categories or on units. So numbers
become their rank among the real values, levels are numbered by what holds them, and each table is put into an
order that its content alone decides; a subsample is then simply the first rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.views import MISSING, Array, Field, View

Matrix = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

#: Two rows that differ in one category are as far apart as two that differ by the whole range of a number.
_HALF: Final = 0.5
#: Levels and codes with a column of their own in the matrix; rarer ones share one.
_MAX_LEVELS: Final = 64
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


@final
@dataclass(frozen=True)
class Judged:
    """A table that is being judged, in the order that its content decides.

    Parameters
    ----------
    view : View
        All rows.
    keys : uint64 array (n,)
        Equal for equal rows, keyed by the seed.
    matrix : float64 array (n, width)
        Encoded rows.
    """

    view: View
    keys: Keys
    matrix: Matrix

    def __len__(self) -> int:
        return self.view.rows

    def take(self, order: npt.NDArray[np.intp]) -> Judged:
        """Rows by position."""
        return Judged(self.view.take(order), self.keys[order], self.matrix[order])

    def first(self, rows: int) -> Judged:
        """At most `rows` rows: a random subset, since the order is a keyed hash of the content."""
        return self if rows >= len(self) else self.take(np.arange(rows))


@final
@dataclass(frozen=True)
class Encoder:
    """Rows to vectors.

    Numbers become mid-ranks among the real values, from 0 to 1 (so that any growing change of unit is
    invisible); a missing number stands in the middle and raises a flag; levels are one-hot blocks times 0.5;
    codes are bits weighted such that two typical rows with no code in common are 1 apart.

    Parameters
    ----------
    fields : tuple of Field
        What the columns are.
    knots : Mapping of float64 arrays
        Sorted real values of each number.
    bit_weights : Mapping of float
        Weight of one code.
    spans : Mapping of slices
        Where each column stands in the vector.
    """

    fields: tuple[Field, ...]
    knots: Mapping[str, npt.NDArray[np.float64]]
    bit_weights: Mapping[str, float]
    spans: Mapping[str, slice]

    @property
    def width(self) -> int:
        """Number of floats in an encoded row."""
        return max(int(span.stop) for span in self.spans.values())

    def ranks(self, name: str, values: Array) -> npt.NDArray[np.int64]:
        """Twice the mid-rank of each value among the real ones, in whole numbers; -1 where missing."""
        knots = self.knots[name]
        doubled = np.searchsorted(knots, values, "left") + np.searchsorted(knots, values, "right")
        return np.where(np.isnan(values), -1, doubled)

    def encode(self, view: View) -> Matrix:
        """Encode all rows of a view, shape (n, width)."""
        matrix = np.zeros((view.rows, self.width))
        for field in self.fields:
            matrix[:, self.spans[field.name]] = self._block(field, view.values[field.name])
        return matrix

    def _block(self, field: Field, values: Array) -> Matrix:
        if field.form == "number":
            missing = np.isnan(values)
            scaled = self.ranks(field.name, values) / max(1, 2 * len(self.knots[field.name]))
            return np.column_stack([np.where(missing, 0.5, scaled), _HALF * missing])
        if field.form == "bits":
            kept = values[:, : min(field.levels, _MAX_LEVELS)]
            return kept * self.bit_weights[field.name]
        span = self.spans[field.name]
        width = span.stop - span.start
        # Columns: the kept levels, one for all others, one for missing.
        place = np.where(values == MISSING, width - 1, np.minimum(values, width - 2))
        block = np.zeros((len(values), width))
        block[np.arange(len(values)), place] = _HALF
        return block

    def row_keys(self, view: View, *, seed: int) -> Keys:
        """Hash each row: equal for equal rows, whatever their spelling or units."""
        with np.errstate(over="ignore"):
            keys = np.full(view.rows, mix(np.array([seed], dtype=np.uint64))[0], dtype=np.uint64)
            for field in self.fields:
                values = view.values[field.name]
                if field.form == "number":
                    part = self.ranks(field.name, values)
                elif field.form == "level":
                    part = values
                else:
                    marks = mix(np.arange(field.levels, dtype=np.uint64))
                    part = (values * marks).sum(axis=1, dtype=np.uint64)
                keys = mix(keys * _GOLDEN + part.astype(np.uint64))
            return keys


def mix(numbers: Keys) -> Keys:
    """Scramble 64-bit numbers one to one.

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64),
    doi:10.1145/2660193.2660195.
    """
    with np.errstate(over="ignore"):
        mixed = numbers + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def fit_encoder(fields: tuple[Field, ...], real: list[View]) -> Encoder:
    """Fit the encoding on the real rows (training and hold-out together)."""
    knots, weights, spans = {}, {}, {}
    start = 0
    for field in fields:
        pooled = np.concatenate([view.values[field.name] for view in real])
        if field.form == "number":
            knots[field.name] = np.sort(pooled[~np.isnan(pooled)])
            width = 2
        elif field.form == "level":
            width = min(field.known, _MAX_LEVELS) + 2
        else:
            per_row = float(pooled.sum(axis=1).mean()) if field.levels else 0.0
            weights[field.name] = _HALF / max(1.0, per_row)
            width = min(field.levels, _MAX_LEVELS)
        spans[field.name] = slice(start, start + width)
        start += width
    return Encoder(fields, knots, weights, spans)


def arrange(view: View, encoder: Encoder, *, seed: int, table: int, rows: int) -> tuple[Judged, Keys]:
    """Put a table into the order that its content decides, and keep at most `rows` rows of it.

    Equal rows are told apart by counting them, so that a subsample keeps its share of repeated rows. Each
    table has an order of its own: in a common one, subsamples of different tables would hold the same
    contents, and chance matches would look like copies.

    Parameters
    ----------
    view : View
        All rows.
    encoder : Encoder
        The common encoding.
    seed : int
        Keys are equal for equal rows under the same seed.
    table : int
        Number of the table.
    rows : int
        Rows to keep.

    Returns
    -------
    judged : Judged
        The first `rows` rows in that order.
    keys : uint64 array (n,)
        The keys of all rows, for what needs the whole table.
    """
    keys = encoder.row_keys(view, seed=seed)
    numbers = [view.values[field.name] for field in encoder.fields if field.form == "number"]
    # Synthetic values between two real ones share their rank: the values themselves then decide.
    sorted_rows = np.lexsort([*numbers, keys])
    ordered = keys[sorted_rows]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    occurrence = np.arange(len(ordered)) - np.repeat(starts, np.diff([*starts, len(ordered)]))
    with np.errstate(over="ignore"):
        salt = mix(np.array([table], dtype=np.uint64))
        spread = mix(ordered + mix(occurrence.astype(np.uint64) * _GOLDEN + salt))
    order = sorted_rows[np.argsort(spread, kind="stable")]
    kept = view.take(order[:rows])
    return Judged(kept, keys[order[:rows]], encoder.encode(kept)), keys

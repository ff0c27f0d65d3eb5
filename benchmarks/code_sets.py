"""Columns of sets of codes: as columns of 0 and 1 for whoever knows no sets, and their judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

SEPARATOR: Final = ";"
#: Pairs of codes that are compared are those of so many of the most frequent codes.
PAIRED_CODES: Final = 50
_MARK: Final = "code_"

Matrix = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Flattening:
    """One column of sets of codes as one column of 0 and 1 for every code.

    Parameters
    ----------
    column : str
        The column of sets.
    codes : tuple of str
        The codes that get a column, most frequent first; others are left out.
    """

    column: str
    codes: tuple[str, ...]

    @staticmethod
    def of(rows: pd.DataFrame, column: str, *, least: int) -> Flattening:
        """Give a column to every code that stands in at least so many rows."""
        counts = Counter(code for cell in parse(rows[column]) for code in cell)
        ranked = sorted(counts, key=lambda code: (-counts[code], code))
        return Flattening(column, tuple(code for code in ranked if counts[code] >= least))

    def flat(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Put the columns of 0 and 1 in the place of the column of sets, at the end."""
        held = indicators(rows[self.column], self.codes).astype(np.int64)
        columns = pd.DataFrame(held, columns=[_MARK + code for code in self.codes], index=rows.index)
        return pd.concat([rows.drop(columns=self.column), columns], axis=1)

    def sets(self, flat: pd.DataFrame, *, names: Sequence[str]) -> pd.DataFrame:
        """Put the sets back together, with the columns in the order of `names`."""
        columns = [_MARK + code for code in self.codes]
        held = flat[columns].to_numpy(dtype=np.float64) >= 0.5
        codes = np.array(self.codes, dtype=object)
        joined = [SEPARATOR.join(sorted(codes[row])) for row in held]
        return flat.drop(columns=columns).assign(**{self.column: joined})[list(names)]


def parse(cells: pd.Series) -> list[frozenset[str]]:
    """Read cells such as "428;584"; an empty one is the empty set."""
    texts = cells.fillna("").astype(str)
    return [frozenset(filter(None, (part.strip() for part in text.split(SEPARATOR)))) for text in texts]


def indicators(cells: pd.Series, codes: Sequence[str]) -> Matrix:
    """Which rows hold which codes, as 0 and 1, of shape (rows, codes)."""
    place = {code: position for position, code in enumerate(codes)}
    held = np.zeros((len(cells), len(codes)))
    for row, cell in enumerate(parse(cells)):
        held[row, [place[code] for code in cell if code in place]] = 1.0
    return held


def code_scores(rows: pd.Series, train: pd.Series, holdout: pd.Series) -> dict[str, float | None]:
    """Judge a column of sets against that of the hold-out.

    Returns
    -------
    dict
        `prevalence`: Pearson correlation of the shares of rows that hold each code, over all codes of the
        real rows (the dimension-wise probability of Choi et al. 2017, arXiv:1703.06490). `prevalence_error`:
        root mean square of their differences. `cooccurrence`: correlation of the shares of rows that hold
        both codes of a pair, over the pairs of the 50 codes that are most frequent in the hold-out.
        `codes_per_row`: mean number of codes, as a share of the hold-out's. `unknown_codes`: share of the
        codes written that no training row has. None where a figure is undefined.
    """
    counts = Counter(code for cell in parse(holdout) for code in cell)
    frequent = sorted(counts, key=lambda code: (-counts[code], code))
    learnt = {code for cell in parse(train) for code in cell}
    codes = [*frequent, *sorted(learnt - set(frequent))]
    ours, real = indicators(rows, codes), indicators(holdout, codes)
    upper = np.triu_indices(min(PAIRED_CODES, len(frequent)), 1)
    both = [_together(held[:, : min(PAIRED_CODES, len(frequent))])[upper] for held in (ours, real)]
    written = [code for cell in parse(rows) for code in cell]
    sizes = [float(np.mean([len(cell) for cell in parse(cells)])) for cells in (rows, holdout)]
    return {
        "prevalence": _correlation(ours.mean(axis=0), real.mean(axis=0)),
        "prevalence_error": float(np.sqrt(np.mean((ours.mean(axis=0) - real.mean(axis=0)) ** 2))),
        "cooccurrence": _correlation(*both),
        "codes_per_row": sizes[0] / sizes[1] if sizes[1] else None,
        "unknown_codes": float(np.mean([code not in learnt for code in written])) if written else None,
    }


def _together(held: Matrix) -> Matrix:
    """Share of rows that hold both codes, for every pair."""
    shares: Matrix = held.T @ held / len(held)
    return shares


def _correlation(first: Matrix, second: Matrix) -> float | None:
    if len(first) < 2 or not first.std() or not second.std():
        return None
    return float(np.corrcoef(first, second)[0, 1])

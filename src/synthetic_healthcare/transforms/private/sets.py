"""Sets of codes of a private run: each person counts for a bounded number of codes."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
import pandas as pd

from synthetic_healthcare.privacy.counting import IntCounts
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.parsing import CodesForm
from synthetic_healthcare.transforms._base import FittedColumn
from synthetic_healthcare.transforms.cells import Cells
from synthetic_healthcare.transforms.codes import FittedCodes
from synthetic_healthcare.transforms.constant import FittedConstant
from synthetic_healthcare.transforms.private._base import LEAST, Domain, Marginal
from synthetic_healthcare.transforms.private.reading import read_sets


@final
@dataclass(frozen=True, eq=False)
class CodesDomain(Domain):
    """Sets of listed codes.

    Parameters
    ----------
    held : Column
        The column; its categories are the codes, `None` where none is known.
    limit : int
        Most codes of a row that are counted.
    """

    held: Column
    limit: int

    @property
    def column(self) -> Column:
        """The column."""
        return self.held

    @property
    def most(self) -> int:
        """The limit, or one where there are no more codes."""
        return max(1, min(self.limit, len(self.codes)))

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, sorted."""
        return tuple(sorted({str(code) for code in self.held.categories or ()}))

    def count(self, series: pd.Series[Any]) -> IntCounts:
        """Count rows by code, then empty sets, then missing cells."""
        place = {code: index for index, code in enumerate(self.codes)}
        counts = np.zeros(len(place) + 2, dtype=np.int64)
        for held in read_sets(series, self.held.delimiter):
            if held is None:
                counts[-1] += 1
            else:
                listed = [place[code] for code in at_most(held & place.keys(), self.most)]
                counts[listed or [len(place)]] += 1
        return counts

    def conform(self, series: pd.Series[Any]) -> pd.Series[Any]:
        """Return lists of codes, or strings where a delimiter is declared."""
        delimiter = self.held.delimiter
        listed = set(self.codes)
        cells = np.empty(len(series), dtype=object)
        for row, held in enumerate(read_sets(series, delimiter)):
            if held is not None:
                codes = sorted(held & listed)
                cells[row] = codes if delimiter is None else delimiter.join(codes)
        return pd.Series(cells, name=self.held.name, dtype=object)

    def settle(self, marginal: Marginal) -> tuple[Domain, Marginal]:
        """Leave the domain as it is."""
        return self, marginal

    def fit(self, marginal: Marginal, *, with_missing: bool) -> FittedColumn:
        """Make the codes' prevalences of the counts."""
        delimiter = self.held.delimiter
        form = asdict(CodesForm("list" if delimiter is None else "text", delimiter))
        if not self.codes:
            nothing = np.empty(1, dtype=object)
            nothing[0] = frozenset()
            return FittedConstant(Cells(nothing, np.zeros(1, dtype=bool), form=form))
        missing = max(float(marginal.counts[-1]), 0.0) if with_missing else 0.0
        present = max(marginal.rows - missing, 1.0)
        counts = np.clip(marginal.counts[:-2].astype(np.float64), LEAST, present)
        has_empty = bool(marginal.counts[-2] > marginal.noise)
        return FittedCodes(self.codes, tuple((counts / present).tolist()), form, has_empty)


def at_most(codes: frozenset[str], limit: int) -> list[str]:
    """Return codes of a set, at most so many; which ones the set alone decides, and not the alphabet."""
    if len(codes) <= limit:
        return sorted(codes)
    salt = "\x00".join(sorted(codes))
    ranked = sorted(codes, key=lambda code: hashlib.blake2b(f"{code}\x00{salt}".encode()).digest())
    return ranked[:limit]

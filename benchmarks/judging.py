"""All judges over one table: what they need of the real rows is worked out once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import pandas as pd
from code_sets import Flattening, code_scores
from judges import LEARNERS, c2st, pair_accuracy, tstr
from nearness import Nearness
from splits import Split

#: The judges see a column of 0 and 1 for each code that at least so many real rows hold.
JUDGED_CODE_ROWS: Final = 5
#: Metrics of the library's own report that stand in the results, beside its two scores.
_REPORTED: Final = ("marginals", "pairs", "c2st", "coverage")

Scores = dict[str, float | str | None]


@final
@dataclass(frozen=True)
class Judging:
    """The judges of one table.

    Parameters
    ----------
    split : Split
        The real rows.
    lens : Lens
        Through which the judges see any table of that kind.
    nearness : Nearness
        Of the real rows, as numbers.
    ceiling : float
        Pair accuracy of the training rows.
    """

    split: Split
    lens: Lens
    nearness: Nearness
    ceiling: float

    @staticmethod
    def of(split: Split) -> Judging:
        """Make ready for a table."""
        lens = Lens.of(split)
        train, holdout = lens.numbers(split.train), lens.numbers(split.holdout)
        return Judging(split, lens, Nearness.of(train, holdout), pair_accuracy(train, holdout))

    def scores(self, releases: Sequence[pd.DataFrame]) -> Scores:
        """Judge what one fit gave.

        Parameters
        ----------
        releases : sequence of DataFrame
            Tables drawn from it. Leakage is the mean over all of them; the rest is of the first.

        Returns
        -------
        dict
            `c2st`; `pairs`, a share of what the training rows get; `tstr_trees` and `tstr_logistic`, None
            where the release has one class only; what `Nearness.scores` gives; for sets of codes what
            `code_scores` gives; `judging_seconds`.

        Raises
        ------
        ValueError
            A release lacks a column, or has missing values where the real rows have none.
        """
        start = time.perf_counter()
        names = list(self.split.train)
        tables = [self.lens.numbers(_aligned(rows, names, self.split.codes)) for rows in releases]
        rows, holdout = tables[0], self.nearness.holdout
        scores: Scores = {"c2st": c2st(rows, holdout), "pairs": pair_accuracy(rows, holdout) / self.ceiling}
        for learner in LEARNERS:
            scores[f"tstr_{learner}"] = tstr(rows, holdout, target=self.split.target, learner=learner)
        scores |= self.nearness.scores(tables)
        if self.split.codes is not None:
            column = self.split.codes
            real = (self.split.train[column], self.split.holdout[column])
            scores |= code_scores(releases[0][column], *real)
        return {**scores, "judging_seconds": time.perf_counter() - start}

    def report(self, rows: pd.DataFrame) -> Scores:
        """What the library itself says of a release: its scores, its fidelity, or why there are none."""
        from synthetic_healthcare import Schema
        from synthetic_healthcare.evaluation.options import EvaluationOptions
        from synthetic_healthcare.evaluation.runner import evaluate

        start = time.perf_counter()
        train, holdout = self.split.train, self.split.holdout
        report = evaluate(
            rows[list(train)],
            train=train,
            holdout=holdout,
            schema=Schema.infer(train, target=self.split.target),
            options=EvaluationOptions(figures=False),
        )
        told: dict[str, Any] = {
            "utility": report["utility_score"],
            "privacy": report["privacy_score"],
            "verdict": report["verdict"],
            **{f"report_{name}": report[name] for name in _REPORTED},
            "failed_metrics": ", ".join(result.name for result in report.failed) or None,
        }
        return {**told, "report_seconds": time.perf_counter() - start}


@final
@dataclass(frozen=True)
class Lens:
    """How judges of numbers see a table: words as places in the list of real words, sets as 0 and 1.

    Parameters
    ----------
    words : dict
        Real values of each column that holds no numbers, in order.
    flattening : Flattening or None
        Of the column of sets.
    """

    words: dict[str, list[str]]
    flattening: Flattening | None

    @staticmethod
    def of(split: Split) -> Lens:
        """Learn the words and codes of the real rows."""
        real = pd.concat([split.train, split.holdout], ignore_index=True)
        flattening = None
        if split.codes is not None:
            flattening = Flattening.of(real, split.codes, least=JUDGED_CODE_ROWS)
        words = {
            str(name): sorted(map(str, real[name].unique()))
            for name in real
            if name != split.codes and not pd.api.types.is_numeric_dtype(real[name])
        }
        return Lens(words, flattening)

    def numbers(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The table as numbers; an unknown word is -1."""
        flat = rows if self.flattening is None else self.flattening.flat(rows)
        places = {
            name: {word: float(i) for i, word in enumerate(known)} for name, known in self.words.items()
        }
        seen = {name: flat[name].astype(str).map(place).fillna(-1.0) for name, place in places.items()}
        return flat.assign(**seen).astype(np.float64)


def _aligned(rows: pd.DataFrame, names: list[Any], codes: str | None) -> pd.DataFrame:
    absent = [str(name) for name in names if name not in rows]
    if absent:
        raise ValueError(f"the synthetic table lacks the columns {', '.join(absent)}")
    rows = rows[names]
    gaps = [str(name) for name in rows if name != codes and rows[name].isna().any()]
    if gaps:
        raise ValueError(f"the synthetic table has missing values, the real one none: {', '.join(gaps)}")
    return rows

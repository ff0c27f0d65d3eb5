"""The first table of a study, real beside synthetic: what the patients are like."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.encoding import Judged
from synthetic_healthcare.evaluation.small_cells import LEAST_SHOWN, shown_parts
from synthetic_healthcare.evaluation.views import MISSING, Array, Field
from synthetic_healthcare.schema.schema import Schema

Vector = npt.NDArray[np.float64]

#: Levels of one column, and codes of a set, with a line of their own; commonest first.
_MAX_LEVELS: Final = 10
#: A number as skewed as this is described by its quartiles.
_SKEWED: Final = 1.0
_DAY: Final = 86_400.0


@final
@dataclass(frozen=True)
class Lines:
    """What the table says of one column.

    Parameters
    ----------
    rows : list of (str, str or None, str or None)
        Label, real and synthetic description; a real one is `None` where it would show a small cell.
    differences : (float, float)
        Standardised difference from the hold-out of the synthetic and of the training rows.
    """

    rows: list[tuple[str, str | None, str | None]]
    differences: tuple[float, float]


@metric("Table 1", family="utility", better="lower", bounds=(0.0, math.inf))
def table_one(
    synthetic_deep: Judged,
    train_deep: Judged,
    holdout_deep: Judged,
    fields: tuple[Field, ...],
    schema: Schema,
) -> Measure:
    """Largest standardised mean difference of a column between synthetic rows and the hold-out.

    Differences below 0.1 are commonly taken as balanced. The detail is a study's first table: mean (SD), for
    skewed numbers median [quartiles], n (%) of levels and codes. Counts of one to ten real patients are left
    out.

    Source: Yang and Dalton 2012, "A unified approach to measuring the effect size between two groups",
    SAS Global Forum 335 (numbers and levels); Austin 2009, doi:10.1002/sim.3697 (0.1).
    """
    tables = (synthetic_deep, train_deep, holdout_deep)
    described = {
        field.name: _describe(field, [table.view.values[field.name] for table in tables], schema)
        for field in fields
    }
    rows: list[list[Any]] = []
    for lines in described.values():
        for place, (label, real, synthetic) in enumerate(lines.rows):
            rows.append([label, real, synthetic, lines.differences[0] if place == 0 else None])
    headings = [
        "Variable",
        f"Real (n = {len(holdout_deep):,})",
        f"Synthetic (n = {len(synthetic_deep):,})",
        "Standardised difference",
    ]
    value, ceiling = (max(lines.differences[side] for lines in described.values()) for side in (0, 1))
    columns = {name: lines.differences[0] for name, lines in described.items()}
    detail = {"table": {"columns": headings, "rows": rows}, "differences": columns}
    return Measure(value, ceiling=ceiling, detail=detail)


def _describe(field: Field, columns: list[Array], schema: Schema) -> Lines:
    if field.form == "number":
        return _number_lines(field, columns, is_date=schema[field.name].kind == "datetime")
    if field.form == "level":
        return _level_lines(field, columns)
    return _code_lines(field, columns)


def number_difference(values: Vector, real: Vector) -> float:
    """Difference of means over the root of the mean variance, without sign; 0 where both lack values.

    A table without a value, and constants that differ, are measured in the deviation of both together; where
    that is all that varies, the difference is 2.
    """
    if not len(values) or not len(real):
        return 0.0 if len(values) == len(real) else 2.0
    apart = abs(float(values.mean() - real.mean()))
    spread = math.sqrt((float(values.var()) + float(real.var())) / 2.0)
    if spread <= 1e-9 * apart:
        return 2.0 if apart > 0 else 0.0
    return apart / spread


def level_difference(counts: npt.NDArray[np.int64], real: npt.NDArray[np.int64]) -> float:
    """Mahalanobis distance of the levels' shares, first level as reference.

    Half a row more in each level keeps the covariance invertible where a table lacks levels.
    """
    apart = (counts / counts.sum() - real / real.sum())[1:]
    if not np.any(apart):
        return 0.0
    covariance = np.zeros((len(apart), len(apart)))
    for one in (counts, real):
        share = (one + 0.5) / (one + 0.5).sum()
        covariance += (np.diag(share) - np.outer(share, share))[1:, 1:] / 2.0
    return math.sqrt(max(0.0, float(apart @ np.linalg.solve(covariance, apart))))


def _number_lines(field: Field, columns: list[Vector], *, is_date: bool) -> Lines:
    here = [column[~np.isnan(column)] for column in columns]
    differences = [number_difference(one, here[2]) for one in here[:2]]
    skewed = not is_date and _skew(here[2]) > _SKEWED
    what = "mean date (SD in days)" if is_date else "median [quartiles]" if skewed else "mean (SD)"
    write: Callable[[Vector], str | None] = _date if is_date else _quartiles if skewed else _mean
    rows = [(f"{field.name}, {what}", write(here[2]), write(here[0]))]
    gaps = [len(column) - len(one) for column, one in zip(columns, here, strict=True)]
    if gaps[0] or gaps[2]:
        real = shown_parts([gaps[2], len(here[2])])[0]
        rows.append(("  missing", _share(real, len(columns[2])), _share(gaps[0], len(columns[0]))))
    return Lines(rows, (differences[0], differences[1]))


def _skew(values: Vector) -> float:
    spread = float(values.std()) if len(values) else 0.0
    if spread <= 0:
        return 0.0
    return abs(float((((values - values.mean()) / spread) ** 3).mean()))


def _mean(values: Vector) -> str | None:
    return None if len(values) < LEAST_SHOWN else f"{values.mean():.4g} ({values.std():.3g})"


def _quartiles(values: Vector) -> str | None:
    if len(values) < LEAST_SHOWN:
        return None
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def _date(values: Vector) -> str | None:
    if len(values) < LEAST_SHOWN:
        return None
    mean = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=float(values.mean()))
    return f"{mean.date().isoformat()} ({values.std() / _DAY:.3g})"


def _share(count: int | None, rows: int) -> str | None:
    return None if count is None else f"{count:,} ({100.0 * count / rows:.1f} %)"


def _level_lines(field: Field, columns: list[npt.NDArray[np.int64]]) -> Lines:
    """A line a level, one for all rarer or unseen ones, one for missing."""
    kept = min(field.known, _MAX_LEVELS)
    counts = [
        np.bincount(np.where(column == MISSING, kept + 1, np.minimum(column, kept)), minlength=kept + 2)
        for column in columns
    ]
    labels = [*(field.labels[:kept] or [f"[{code + 1}]" for code in range(kept)]), "other", "missing"]
    differences = [level_difference(one, counts[2]) for one in counts[:2]]
    real = shown_parts(counts[2].tolist())
    rows: list[tuple[str, str | None, str | None]] = [(f"{field.name}, n (%)", "", "")]
    for place, label in enumerate(labels):
        if not counts[0][place] and not counts[2][place]:
            continue
        rows.append(
            (
                f"  {label}",
                _share(real[place], len(columns[2])),
                _share(int(counts[0][place]), len(columns[0])),
            )
        )
    return Lines(rows, (differences[0], differences[1]))


def _code_lines(field: Field, columns: list[npt.NDArray[np.bool_]]) -> Lines:
    """A line for each of the commonest codes that enough real patients have; the largest difference."""
    counts = [column.sum(axis=0) for column in columns]
    found = [0.0, 0.0]
    rows: list[tuple[str, str | None, str | None]] = [(f"{field.name}, n (%)", "", "")]
    for code in np.argsort(-counts[2], kind="stable")[:_MAX_LEVELS]:
        pairs = [
            np.array([len(column) - one[code], one[code]])
            for column, one in zip(columns, counts, strict=True)
        ]
        for side in (0, 1):
            found[side] = max(found[side], level_difference(pairs[side], pairs[2]))
        if counts[2][code] < LEAST_SHOWN:
            continue
        label = field.labels[code] if field.labels else f"[{code + 1}]"
        real = shown_parts([int(counts[2][code]), int(len(columns[2]) - counts[2][code])])[0]
        rows.append(
            (f"  {label}", _share(real, len(columns[2])), _share(int(counts[0][code]), len(columns[0])))
        )
    return Lines(rows, (found[0], found[1]))

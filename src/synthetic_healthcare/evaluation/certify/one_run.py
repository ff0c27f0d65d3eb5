"""The audit in one run: invented outliers, half of them trained on, and how many of them can be told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.evaluation.certify.reading import read
from synthetic_healthcare.evaluation.certify.result import Audit
from synthetic_healthcare.evaluation.distances import nearest
from synthetic_healthcare.evaluation.privacy.attacks import log_mean
from synthetic_healthcare.evaluation.views import judged_columns
from synthetic_healthcare.schema.schema import Schema

Vector = npt.NDArray[np.float64]
FitAndSample = Callable[[pd.DataFrame, int], pd.DataFrame]

#: Shares of the canaries that are guessed. Two scores are tried at each: six tests share the 5 % of error.
_GUESSED: Final = (0.1, 0.4, 1.0)
_ERROR: Final = 0.05
_NEIGHBOURS: Final = 5
_LARGEST: Final = 20.0
_STEPS: Final = 60
#: Draws for each canary wanted: some are equal to a row that is there.
_SPARE: Final = 3


def invent_canaries(
    train: pd.DataFrame, *, schema: Schema, canaries: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Make rows that no patient has: each value is any of the column's different values.

    Values stay within what the schema allows; their combinations resemble nobody.

    Raises
    ------
    DataError
        Where the columns hold too few combinations.
    """
    drawn = {}
    for name in train.columns:
        column = train[name]
        # Sets of codes have no different values of their own: whole ones are drawn.
        different = column if schema[name].kind == "codes" else column.dropna().drop_duplicates()
        chosen = different if len(different) else column
        drawn[name] = chosen.iloc[rng.integers(len(chosen), size=_SPARE * canaries)].reset_index(drop=True)
    rows = pd.DataFrame(drawn)
    judged = [column.name for column in judged_columns(schema)[0]]
    keys = pd.util.hash_pandas_object(rows[judged].astype(str), index=False)
    taken = pd.util.hash_pandas_object(train[judged].astype(str), index=False)
    fresh = rows[~keys.duplicated().to_numpy() & ~keys.isin(taken).to_numpy()]
    if len(fresh) < canaries:
        raise DataError(
            f"the columns hold too few combinations to invent {canaries} patients that nobody is; "
            "give a table with more columns, or leave the audit out (canaries=0)"
        )
    return fresh.iloc[:canaries].reset_index(drop=True)


def play(
    train: pd.DataFrame,
    fit_and_sample: FitAndSample,
    *,
    schema: Schema,
    canaries: int,
    seed: int,
) -> dict[str, list[float]]:
    """Train once with about half of the canaries, and score them all; plain data for the state file."""
    rng = np.random.default_rng([seed, 1])
    invented = invent_canaries(train, schema=schema, canaries=canaries, rng=rng)
    included = rng.random(canaries) < 0.5
    rows = pd.concat([train, invented[included]], ignore_index=True)
    rows = rows.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    synthetic = fit_and_sample(rows, seed)
    _, _, (released, known, tried) = read(synthetic, [train, invented], schema=schema)
    near = nearest(tried, released, k=_NEIGHBOURS)
    return {
        "included": included.astype(float).tolist(),
        "A1": (-near[:, 0]).tolist(),
        "A3": (log_mean(nearest(tried, known, k=_NEIGHBOURS)) - log_mean(near)).tolist(),
    }


def judge(outcome: dict[str, list[float]], *, delta: float) -> Audit:
    """The largest epsilon that the guesses refute.

    The r most extreme canaries are guessed: the half with the highest scores as trained on, the half with the
    lowest as not. Which canaries are guessed, and how, depends on the scores alone.
    """
    included = np.array(outcome["included"]) > 0.5
    total = len(included)
    best = Audit(total, 0, 0, "A1", 0.0, delta)
    error = _ERROR / (2 * len(_GUESSED))
    for attack in ("A1", "A3"):
        order = np.argsort(-np.array(outcome[attack]), kind="stable")
        for share in _GUESSED:
            guesses = round(share * total)
            inside, outside = order[: (guesses + 1) // 2], order[total - guesses // 2 :]
            correct = int(included[inside].sum() + (~included[outside]).sum())
            epsilon = epsilon_refuted(total, guesses, correct, delta=delta, error=error)
            if epsilon > best.epsilon_lower or not best.guesses:
                best = Audit(total, guesses, correct, attack, epsilon, delta)
    return best


def p_value(canaries: int, guesses: int, correct: int, *, epsilon: float, delta: float) -> float:
    """Probability bound of as many correct guesses under (epsilon, delta)-differential privacy.

    With f(v) = P[Bin(r, e^epsilon / (1 + e^epsilon)) >= v], it is
    f(v) + 2 m delta max over i = 1..v of (f(v - i) - f(v)) / i.

    Source: Steinke, Nasr and Jagielski 2023, "Privacy auditing with one (1) training run", arXiv:2305.08846,
    theorem 5.2.
    """
    from scipy.stats import binom

    if guesses == 0:
        return 1.0
    right = 1.0 / (1.0 + math.exp(-epsilon))
    tail = binom.sf(np.arange(correct, -1, -1) - 1, guesses, right)
    found = float(tail[0])
    if delta and correct:
        steps = np.arange(1, correct + 1)
        found += 2.0 * canaries * delta * float(((tail[1:] - tail[0]) / steps).max())
    return min(1.0, found)


def epsilon_refuted(
    canaries: int, guesses: int, correct: int, *, delta: float, error: float = _ERROR
) -> float:
    """Largest epsilon whose p-value is below `error`; 0 where even epsilon 0 stands."""
    if p_value(canaries, guesses, correct, epsilon=0.0, delta=delta) >= error:
        return 0.0
    low, high = 0.0, _LARGEST
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if p_value(canaries, guesses, correct, epsilon=middle, delta=delta) < error:
            low = middle
        else:
            high = middle
    return low

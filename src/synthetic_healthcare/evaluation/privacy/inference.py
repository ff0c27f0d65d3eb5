"""Can a secret of a patient be inferred from the rest through the synthetic table?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation._base import Measure, NotApplicable, metric
from synthetic_healthcare.evaluation.distances import nearest_rows
from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.privacy.linking import columns_of
from synthetic_healthcare.evaluation.privacy.nulls import Nulls
from synthetic_healthcare.evaluation.privacy.people import People
from synthetic_healthcare.evaluation.privacy.tries import COLUMNS, INFERRED_SCALE, Tried, worst
from synthetic_healthcare.evaluation.views import MISSING, Field
from synthetic_healthcare.schema.schema import Schema

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: A guessed number is right within this share of the column's interquartile range.
_TOLERANCE: Final = 0.05
_TARGETS: Final = 2000
#: Columns that are tried where none is declared sensitive, and at most.
_UNDECLARED: Final = 4
_MOST: Final = 20
_MOST_LEVELS: Final = 20
_TREES: Final = 60
_LEAVES: Final = 15


@metric("Attribute inference", family="privacy", better="lower", bounds=(0.0, 1.0))
def attribute_inference(inferred: tuple[Tried, ...], nulls: Nulls) -> Measure:
    """How much more often a secret is guessed right from the other columns for training patients than others.

    The attacker knows every column but the secret, and learns from the synthetic rows: by the nearest one, or
    by gradient boosting. A number is right within 5 % of its interquartile range. The value is the share of
    training patients whose secret is guessed beyond the share of unseen patients, the worst over secrets and
    attackers. The detail holds the residual (p_T - p_C) / (1 - p_C), and the lift over a guess that looks at
    nothing: what is true of the population can be inferred of anybody, which is no leak of training rows but
    must be known.

    Source: Giomi, Boenisch, Wehmeyer and Tasnadi 2023, doi:10.56553/popets-2023-0055. DIFF: a number's
    tolerance does not depend on the guess (theirs is relative to it, so that every negative guess is right),
    and a second attacker is tried.
    """
    if not inferred:
        raise NotApplicable("there is no column besides known ones whose value could be inferred")
    value, lower, upper, title = worst(inferred, INFERRED_SCALE)
    detail = {
        "worst": title,
        "table": {"columns": list(COLUMNS), "rows": [one.row() for one in inferred]},
    }
    return Measure(value, lower, upper, nulls.mean("attribute_inference"), detail)


def secrets_of(fields: tuple[Field, ...], schema: Schema) -> tuple[Field, ...]:
    """Columns declared sensitive; where there are none, the target and some that others cannot know.

    Sets of codes are left out: no single guess tells them.
    """
    usable = [field for field in fields if field.form != "bits"]
    sensitive = [field for field in usable if schema[field.name].role == "sensitive"]
    if sensitive:
        return tuple(sensitive[:_MOST])
    target = [field for field in usable if field.name == schema.target]
    others = [field for field in usable if schema[field.name].role == "feature"]
    return tuple((target + others)[:_UNDECLARED])


def infer(
    synthetic: Judged, people: People, *, secrets: tuple[Field, ...], encoder: Encoder, seed: int
) -> tuple[Tried, ...]:
    """Guess every secret of training rows and hold-out rows with both attackers."""
    found = []
    for secret in secrets:
        others = [field for field in encoder.fields if field.name != secret.name]
        if not others:
            continue
        known = columns_of(encoder, others)
        # A missing secret is not there to be guessed, nor to learn from.
        rows = _with_secret(synthetic, secret)
        targets = [_with_secret(table.first(_TARGETS), secret) for table in (people.train, people.holdout)]
        if not len(rows) or any(len(table) < 2 for table in targets):
            continue
        right = _judge(secret, people)
        guess = _blind_guess(rows.view.values[secret.name], secret)
        baseline = float(right(np.full(len(targets[1]), guess), targets[1].view.values[secret.name]).mean())
        for attacker, predict in _attackers(rows, secret, known, seed):
            members, controls = (
                right(predict(table.matrix[:, known]), table.view.values[secret.name]) for table in targets
            )
            found.append(Tried(f"{secret.name}, {attacker}", members, controls, baseline))
    return tuple(found)


def _with_secret(table: Judged, secret: Field) -> Judged:
    values = table.view.values[secret.name]
    return table.take(np.flatnonzero(~np.isnan(values) if secret.form == "number" else values != MISSING))


def _judge(secret: Field, people: People) -> Callable[[Any, Any], Flags]:
    """When a guess is right."""
    if secret.form == "level":
        return lambda guessed, true: np.asarray(guessed == true)
    pooled = np.concatenate([table.view.values[secret.name] for table in (people.train, people.holdout)])
    low, high = np.nanquantile(pooled, [0.25, 0.75])
    # A column that is constant in its middle is right where it is met exactly.
    tolerance = _TOLERANCE * float(high - low) * (1.0 + 1e-9)
    return lambda guessed, true: np.abs(guessed - true) <= tolerance


def _blind_guess(values: Any, secret: Field) -> float:
    return float(np.median(values)) if secret.form == "number" else float(np.bincount(values).argmax())


def _attackers(
    rows: Judged, secret: Field, known: npt.NDArray[np.intp], seed: int
) -> list[tuple[str, Callable[[Matrix], Any]]]:
    inputs, target = rows.matrix[:, known], rows.view.values[secret.name]

    def by_nearest(candidates: Matrix) -> Any:
        return target[nearest_rows(candidates, inputs, k=1)[1][:, 0]]

    attackers: list[tuple[str, Callable[[Matrix], Any]]] = [("nearest row", by_nearest)]
    few = secret.form == "number" or secret.levels <= _MOST_LEVELS
    if few and len(np.unique(target)) > 1:
        attackers.append(("gradient boosting", _boosting(inputs, target, secret, seed)))
    return attackers


def _boosting(inputs: Matrix, target: Any, secret: Field, seed: int) -> Callable[[Matrix], Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if secret.form == "number" else HistGradientBoostingClassifier
    model = kind(max_iter=_TREES, max_leaf_nodes=_LEAVES, early_stopping=False, random_state=seed)
    model.fit(inputs, target)
    return lambda candidates: model.predict(candidates)

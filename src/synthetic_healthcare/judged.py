"""`JudgedTables`: the three tables of an evaluation, found again and checked to be the right ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.evaluation.views import check_columns
from synthetic_healthcare.fitted import Fitted
from synthetic_healthcare.progress import Progress
from synthetic_healthcare.tables.frames import to_pandas
from synthetic_healthcare.tables.holdout import in_holdout
from synthetic_healthcare.tables.keys import fingerprint


@final
@dataclass(frozen=True)
class JudgedTables:
    """What an evaluation compares.

    Parameters
    ----------
    synthetic : DataFrame
        Generated rows.
    train : DataFrame
        Real rows that the model saw.
    holdout : DataFrame or None
        Real rows that it never saw.
    """

    synthetic: pd.DataFrame
    train: pd.DataFrame
    holdout: pd.DataFrame | None

    @staticmethod
    def of(fitted: Fitted, synthetic: pd.DataFrame, real: pd.DataFrame, *, holdout: Any) -> JudgedTables:
        """Split the real table as `fit` did, and refuse tables that would make the scores mean nothing.

        Raises
        ------
        EvaluationError
            The arguments are swapped, or `real` is not the table that was learnt; a private model holds
            nothing to tell the latter by.
        """
        origin = fitted.origin
        for what, frame in (("synthetic", synthetic), ("real", real)):
            check_columns(frame, fitted.schema, what=what)
        if fingerprint(synthetic) in (origin.table, origin.train):
            raise EvaluationError(
                "the first table is the one that was learnt: the arguments may be swapped. "
                "Call evaluate(synthetic, real)"
            )
        given = fingerprint(real)
        if origin.table and given not in (origin.table, origin.train):
            raise EvaluationError(
                "the second table is not the one given to fit (its fingerprint differs), so nothing can be "
                "said of which patients the model saw. Call evaluate(synthetic, real) with that table, "
                "unchanged"
            )
        if holdout is not None:
            return JudgedTables(synthetic, _train(fitted, real, given), _other_patients(fitted, holdout))
        held = _held(fitted, real)
        aside = real[held].reset_index(drop=True)
        return JudgedTables(synthetic, real[~held].reset_index(drop=True), aside if len(aside) else None)


def judge(
    fitted: Fitted, tables: JudgedTables, options: EvaluationOptions, *, progress: Progress
) -> EvaluationReport:
    """Run every metric on the tables, and say in the report what they come from."""
    return evaluate(
        tables.synthetic,
        train=tables.train,
        holdout=tables.holdout,
        schema=fitted.schema,
        options=replace(options, rules=fitted.rules),
        progress=progress,
        context={
            "model": fitted.model.name,
            "guarantee": fitted.guarantee,
            **_bound(fitted),
            "notes": [*_guarantees(fitted), *fitted.origin.notes],
        },
        history=fitted.origin.history,
    )


def _bound(fitted: Fitted) -> dict[str, Any]:
    """What the budget promises of any membership attack, to stand beside what the attacks found.

    The true less the false positive rate of a test between neighbours is at most
    (e^epsilon - 1 + 2 delta) / (e^epsilon + 1).

    Source: Kairouz, Oh and Viswanath 2015, "The composition theorem for differential privacy",
    arXiv:1311.0776 (the region of errors that a mechanism allows).
    """
    if fitted.ledger is None or not fitted.origin.training.get("private", True):
        return {}
    budget = fitted.ledger.budget
    grown = math.exp(min(budget.epsilon, 500.0))
    advantage = (grown - 1.0 + 2.0 * budget.delta) / (grown + 1.0)
    return {
        "formal": {
            "epsilon": budget.epsilon,
            "delta": budget.delta,
            "membership_advantage_at_most": min(1.0, advantage),
        }
    }


def _guarantees(fitted: Fitted) -> list[str]:
    anonymity = fitted.anonymity
    return [fitted.guarantee] if anonymity is None else [fitted.guarantee, anonymity]


def _other_patients(fitted: Fitted, holdout: Any) -> pd.DataFrame:
    """The table given as hold-out, which must not be the one that was learnt."""
    frame = to_pandas(holdout)[0]
    check_columns(frame, fitted.schema, what="hold-out")
    if fingerprint(frame) in (fitted.origin.table, fitted.origin.train):
        raise EvaluationError(
            "the hold-out is the table that was learnt: members and non-members would be the same patients. "
            "Give patients that the model never saw, or leave holdout out"
        )
    return frame


def _held(fitted: Fitted, real: pd.DataFrame) -> npt.NDArray[np.bool_]:
    origin = fitted.origin
    salt = bytes.fromhex(origin.salt)
    return in_holdout(real, origin.holdout_share, salt=salt, group=fitted.schema.group)


def _train(fitted: Fitted, real: pd.DataFrame, given: str) -> pd.DataFrame:
    """The learnt rows of `real`, which is the whole table or those rows alone."""
    if given == fitted.origin.train:
        return real
    rows: pd.DataFrame = real[~_held(fitted, real)]
    return rows.reset_index(drop=True)

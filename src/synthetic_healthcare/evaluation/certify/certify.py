"""Certify a way of making synthetic tables: train it again, with and without patients, and try to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from synthetic_healthcare.errors import DataError
from synthetic_healthcare.evaluation.certify import one_run, shadow
from synthetic_healthcare.evaluation.certify.options import CertifyOptions
from synthetic_healthcare.evaluation.certify.reading import most_isolated
from synthetic_healthcare.evaluation.certify.result import Audit, Certificate
from synthetic_healthcare.evaluation.certify.state import State
from synthetic_healthcare.evaluation.views import check_columns
from synthetic_healthcare.progress import Progress, Silent, phase
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables import fingerprint

#: Rows beside the patients under attack that a training must have.
_MIN_ROWS = 50


def certify(
    train: pd.DataFrame,
    fit_and_sample: Callable[[pd.DataFrame, int], pd.DataFrame],
    *,
    schema: Schema,
    generator: str,
    options: CertifyOptions | None = None,
    state: str | Path | None = None,
    progress: Progress | None = None,
) -> Certificate:
    """Attack a generator by training it again: the audit in one run, and shadow attacks on isolated patients.

    The attacker is the strongest that sees the synthetic table alone: it knows the generator and its
    settings, and all training rows but the one in question.

    Parameters
    ----------
    train : DataFrame
        Real rows. Equal rows count once.
    fit_and_sample : callable (rows, seed) -> DataFrame
        Trains a generator from nothing on these rows and gives a synthetic table with the schema's columns.
        The more rows it gives, the stronger the attacks.
    schema : Schema
        Says how each column is read.
    generator : str
        Names the generator and its settings. A state file of another one is refused.
    options : CertifyOptions, optional
        Canaries, patients, trainings, the claimed epsilon.
    state : path, optional
        File that keeps what is done. The same call with the same file goes on where it stopped.
    progress : Progress, optional
        Told of every training.

    Returns
    -------
    Certificate
        Lower bounds of epsilon, with what they rest on.

    Raises
    ------
    CheckpointError
        Where the state file belongs to another certification.
    DataError
        For a table with too few rows or combinations, or with several rows a patient.
    EvaluationError
        For columns that do not fit the schema. What `fit_and_sample` raises passes through; what was done
        before stays in the state file.
    """
    options = options or CertifyOptions()
    check_columns(train, schema, what="training")
    if schema.group is not None:
        raise DataError(
            f"column {schema.group!r} says that a patient has several rows; certifying adds and removes "
            "single rows. Give a table with one row a patient"
        )
    rows = train[~train.astype(str).duplicated()].reset_index(drop=True)
    if len(rows) < options.records + _MIN_ROWS:
        raise DataError(
            f"the table has {len(rows)} different rows; certifying needs {options.records + _MIN_ROWS}"
        )
    # What is claimed changes no result: the same trainings serve to try another claim.
    settings = asdict(replace(options, claimed_epsilon=None))
    # Neither do more trainings change those that are done.
    del settings["trainings"]
    kept = State(
        None if state is None else Path(state),
        {
            "rows": fingerprint(rows),
            "schema": schema.to_dict(),
            "options": settings,
            "generator": generator,
        },
    )
    trainings = options.trainings if options.records else 0
    total = trainings + bool(options.canaries)
    with phase(progress or Silent(), "certify", total) as watcher:
        audit = None
        if options.canaries:
            audit = _audit(rows, fit_and_sample, schema, options, kept)
            watcher.advance(1, epsilon_lower=audit.epsilon_lower)
        if not options.records:
            return Certificate(audit, (), 0, options.claimed_epsilon)
        place = most_isolated(rows, schema=schema, records=options.records)
        targets = shadow.Targets(
            rows.iloc[place].reset_index(drop=True),
            rows[~rows.index.isin(place)].reset_index(drop=True),
            options.seed,
            options.queries,
        )
        outcomes = []
        for training in range(trainings):
            name = f"training {training}"
            if kept.get(name) is None:
                kept.put(name, shadow.train_one(targets, fit_and_sample, schema=schema, training=training))
            outcomes.append(kept.get(name))
            watcher.advance(training + 1 + bool(options.canaries))
        records = shadow.judge_records(targets, outcomes, delta=options.delta)
    return Certificate(audit, records, trainings, options.claimed_epsilon)


def _audit(
    rows: pd.DataFrame,
    fit_and_sample: one_run.FitAndSample,
    schema: Schema,
    options: CertifyOptions,
    kept: State,
) -> Audit:
    if kept.get("audit") is None:
        kept.put(
            "audit",
            one_run.play(rows, fit_and_sample, schema=schema, canaries=options.canaries, seed=options.seed),
        )
    return one_run.judge(kept.get("audit"), delta=options.delta)

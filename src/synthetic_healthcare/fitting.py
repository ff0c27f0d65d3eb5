"""From a user's table to the fitted state: the schema, the hold-out, then the verbs of the pipeline."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthetic_healthcare import models, pipeline
from synthetic_healthcare.choosing import Choice, choose
from synthetic_healthcare.config import AUTO, MonitoringSection, RunConfig
from synthetic_healthcare.errors import ConfigError, DataError, EvaluationError
from synthetic_healthcare.evaluation.views import check_columns
from synthetic_healthcare.fitted import Fitted, Origin
from synthetic_healthcare.monitoring.tables import RealRows
from synthetic_healthcare.monitoring.watch import Watch
from synthetic_healthcare.privacy.anonymity import anonymize
from synthetic_healthcare.private_fitting import fit_privately
from synthetic_healthcare.progress import Progress, phase
from synthetic_healthcare.requests import FitRequest, seed_of, share_of, stream
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.sampling.levers import levers_for
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.checks import check_table
from synthetic_healthcare.tables.frames import TableFormat, to_pandas
from synthetic_healthcare.tables.holdout import in_holdout
from synthetic_healthcare.tables.keys import fingerprint
from synthetic_healthcare.training.checkpoints import Checkpoint
from synthetic_healthcare.training.config import TrainingConfig


@dataclass(frozen=True)
class _Split:
    """A table with its hold-out taken off."""

    frame: pd.DataFrame
    table_format: TableFormat
    schema: Schema
    share: float
    salt: bytes
    train: pd.DataFrame
    held: pd.DataFrame


def fit_table(data: Any, request: FitRequest, *, progress: Progress) -> Fitted:
    """Learn a table.

    Raises
    ------
    DataError, SchemaError, ConfigError, CheckpointError
        See `SyntheticDataGenerator.fit`.
    """
    budget = request.config.budget
    if budget is None:
        fitted = _fit_plainly(data, request, progress=progress)
    else:
        fitted = fit_privately(data, request, budget, progress=progress)
    # What watched the fit is no part of the model, and an address in it may hold a key.
    config = fitted.config.model_copy(update={"monitoring": MonitoringSection()})
    return replace(fitted, config=config)


def _fit_plainly(data: Any, request: FitRequest, *, progress: Progress) -> Fitted:
    """Learn a table without a budget."""
    config = request.config
    _require_budget(config.model.type)
    _require_watchable(request)
    seed = seed_of(request)
    with phase(progress, "prepare"):
        given = _split(data, request, seed)
        split, note = _anonymised(given, config)
        prepared = pipeline.prepare(
            split.train,
            split.schema,
            transforms=config.transforms,
            rng=stream(seed, "prepare"),
        )
        rules = _learnt_rules(split, request)
    table = fingerprint(split.frame)
    checkpoint = None
    if request.checkpoint is not None:
        checkpoint = Checkpoint(request.checkpoint, _identity(table, split, request), seed=seed)
    learning = int(stream(seed, "train").integers(2**62))
    started = time.monotonic()
    choice = _choose(prepared, config, seed=learning, progress=progress)
    training = _left(config.model.training, time.monotonic() - started)
    rows, target = len(split.train), prepared.schema.target
    trained = pipeline.train(
        prepared.encoded,
        choice.name,
        models.settings(choice.name, config.model.architecture, rows=rows, target=target),
        training=training,
        seed=learning,
        checkpoint=checkpoint,
        progress=progress,
        watch=_watch(split, prepared, request, seed=learning),
    )
    levers = levers_for(trained.model, prepared.encoded, config=config.sampling, seed=learning)
    origin = Origin(
        seed=seed,
        salt=split.salt.hex(),
        holdout_share=split.share,
        rows={"table": len(split.frame), "train": len(split.train), "holdout": len(split.held)},
        table=table,
        train=fingerprint(given.train),
        notes=(*note, *prepared.notes, *(() if rules is None else rules.notes())),
        training={**trained.facts, **choice.facts()},
        history=trained.history.to_dict(),
    )
    table_format = _protected_levels(split, prepared)
    return Fitted(config, trained.model, prepared.encoder, table_format, origin, rules, levers)


def _anonymised(split: _Split, config: RunConfig) -> tuple[_Split, tuple[str, ...]]:
    """The rows to learn, anonymised where that was asked of them, and a note on it.

    What is asked of generated tables is read here too: an unknown column must be found before the training.
    """
    requirement = config.privacy.anonymity(split.schema)
    if requirement is None or config.privacy.anonymity_stage != "input":
        return split, ()
    train, report = anonymize(split.train, split.schema, requirement)
    kept = replace(split, train=train.reset_index(drop=True))
    _require_enough(kept.train, kept.schema, kept.share)
    return kept, (f"the rows to learn were anonymised before: {report}",)


def _learnt_rules(split: _Split, request: FitRequest) -> RulePack | None:
    """The rules, tried on the real rows first: how often these break them, and what they leave to them."""
    if request.rules is None:
        return None
    request.rules.check_columns(split.schema)
    floor = request.config.transforms.rare_floor
    return request.rules.learn(split.train, floor, schema=split.schema)


def _require_budget(name: str) -> None:
    """Refuse a model that may only be trained privately."""
    if name != AUTO and models.model_class(name).requires_privacy:
        raise ConfigError(
            f"model {name!r} trains under differential privacy only, and no budget is given. Set "
            "privacy_level, or call add_privacy_mechanism('differential_privacy', epsilon=..., delta=...)"
        )


def _require_watchable(request: FitRequest) -> None:
    """Refuse alerts that this run cannot have, before any row is read."""
    if request.monitor is not None:
        request.monitor.require_allowed(False)
        request.monitor.require_resumable(request.checkpoint is not None)


def _watch(split: _Split, prepared: pipeline.Prepared, request: FitRequest, *, seed: int) -> Watch | None:
    """The monitor at work on this fit; it compares tables, as an evaluation does."""
    if request.monitor is None:
        return None
    real = RealRows(
        split.train,
        split.held,
        schema=prepared.schema,
        encoder=prepared.encoder,
        together=split.share > 0,
        seed=seed,
    )
    return Watch(request.monitor, real)


def _choose(prepared: pipeline.Prepared, config: RunConfig, *, seed: int, progress: Progress) -> Choice:
    """The model that was asked for, or the one that suits the table."""
    if config.model.type != AUTO:
        return Choice.asked_for(config.model.type)
    return choose(prepared.encoded, config, target=prepared.schema.target, seed=seed, progress=progress)


def _left(training: TrainingConfig, seconds: float) -> TrainingConfig:
    """The training with the time that a choice took taken off; at least a tenth of it is left."""
    if training.max_seconds is None:
        return training
    left = max(training.max_seconds - seconds, 0.1 * training.max_seconds)
    return training.model_copy(update={"max_seconds": left})


def _split(data: Any, request: FitRequest, seed: int) -> _Split:
    frame, table_format = to_pandas(data)
    check_table(frame)
    schema = _schema(frame, request)
    share, others = _holdout(request.holdout, frame, schema)
    salt = stream(seed, "split").bytes(16)
    held = in_holdout(frame, share, salt=salt, group=schema.group)
    train = frame[~held].reset_index(drop=True)
    _require_enough(train, schema, share)
    return _Split(
        frame=frame,
        table_format=table_format,
        schema=schema,
        share=share,
        salt=salt,
        train=train,
        held=frame[held].reset_index(drop=True) if others is None else others,
    )


def _require_enough(train: pd.DataFrame, schema: Schema, share: float) -> None:
    """Refuse to learn from so few rows, or patients, that the floors would leave nothing to learn."""
    rows, least = len(train), pipeline.MINIMUM_ROWS
    if rows < least:
        raise ConfigError(
            f"a hold-out of {share} leaves {rows} rows to learn from (equal rows, and rows of one patient, "
            f"stay together), and at least {least} are needed. Ask for a smaller hold-out"
        )
    patients = rows if schema.group is None else train[schema.group].nunique(dropna=False)
    if patients < least:
        raise DataError(
            f"column {schema.group!r} names {patients} patients in the {rows} rows to learn from, and at "
            f"least {least} are needed: fewer can be neither learnt from nor protected. Give more patients, "
            "ask for a smaller hold-out, or declare the column's role as identifier"
        )


def _schema(frame: pd.DataFrame, request: FitRequest) -> Schema:
    """The declared schema, or an inferred one; with the target set in either."""
    declared = request.schema
    if declared is None:
        return Schema.infer(frame, target=request.target)
    schema = declared if isinstance(declared, Schema) else Schema.from_yaml(declared)
    schema.check(frame)
    # The order and the dtypes are the table's own: the schema may have been read from a file of it.
    held = (
        column if "dtype" in column.declared else replace(column, dtype=str(frame[column.name].dtype))
        for column in (schema[name] for name in frame.columns)
    )
    schema = replace(schema, columns=tuple(held))
    return schema if request.target is None else schema.with_target(request.target)


def _holdout(holdout: Any, frame: pd.DataFrame, schema: Schema) -> tuple[float, pd.DataFrame | None]:
    """Read `holdout` as a share, or as the table that is given beside the one to learn."""
    share = share_of(holdout)
    if share is not None:
        return share, None
    others = to_pandas(holdout)[0]
    try:
        check_columns(others, schema, what="hold-out")
    except EvaluationError as problem:
        raise DataError(str(problem)) from problem
    if fingerprint(others) == fingerprint(frame):
        raise DataError("the hold-out is the table to learn. Give a table of other patients, or a share")
    return 0.0, others


def _protected_levels(split: _Split, prepared: pipeline.Prepared) -> TableFormat:
    """Take levels that patients hold and the encoder did not keep out of ordered Categoricals.

    A level that nobody holds comes from a declaration; one that few patients hold is a cell's value.
    """
    nothing = prepared.encoded.take(np.zeros(0, dtype=np.intp))
    empty = prepared.encoder.decode(nothing, np.random.default_rng(0))
    levels = {}
    for name, declared in split.table_format.levels.items():
        kept = set(empty[name].cat.categories)
        held = set(split.frame[name].dropna())
        # Nothing is kept of identifiers and of categories that are learnt as numbers.
        if kept:
            levels[name] = tuple(level for level in declared if level in kept or level not in held)
    return replace(split.table_format, levels=levels)


def _identity(table: str, split: _Split, request: FitRequest) -> dict[str, str]:
    """Hashes of all that the weights depend on: a checkpoint goes on only where all of them agree."""
    settings = request.config.to_dict()
    # How often it is saved changes no update; how long it may take is for each attempt to say.
    for name in ("checkpoint_every", "max_seconds"):
        del settings["model"]["training"][name]
    # Rules are kept by what is drawn, and alerts look on; they change no weight.
    del settings["rules"], settings["monitoring"]
    return {
        "table": table,
        "schema": _digest(split.schema.to_dict()),
        "settings": _digest(settings),
        "holdout": str(split.share),
    }


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()

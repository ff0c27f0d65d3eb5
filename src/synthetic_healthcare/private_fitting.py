"""A fit under a budget: the split, the ledger, and what of it all may stand in a model file."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from synthetic_healthcare.errors import ConfigError, RuleError
from synthetic_healthcare.evaluation.views import check_columns
from synthetic_healthcare.fitted import Fitted, Origin
from synthetic_healthcare.privacy.ledger import Budget, PrivacyLedger, Unit
from synthetic_healthcare.private_learning import PrivatelyLearnt, learn_privately
from synthetic_healthcare.progress import Progress
from synthetic_healthcare.requests import FitRequest, seed_of, share_of, stream
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.rules.forms import Combination
from synthetic_healthcare.schema.public import private_schema
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.checks import check_public
from synthetic_healthcare.tables.frames import to_pandas
from synthetic_healthcare.tables.holdout import in_holdout
from synthetic_healthcare.transforms.private.prepare import public_format


def fit_privately(data: Any, request: FitRequest, budget: Budget, *, progress: Progress) -> Fitted:
    """Learn a table under a budget: from here on no row is read that the ledger has not paid for.

    The split is made by a hash of each row alone, so that no row decides on which side another is.
    """
    config = request.config
    if request.checkpoint is not None:
        raise ConfigError(
            "a private training keeps no checkpoint: it holds what noise hides. Leave checkpoint out"
        )
    if request.monitor is not None:
        request.monitor.require_allowed(True)
        request.monitor.require_resumable(False)
    seed = seed_of(request)
    frame, given = to_pandas(data)
    check_public(frame)
    declared = _declared(request)
    schema = private_schema(frame, declared, request.target)
    # What is asked of generated tables must be found wrong before anything is spent.
    config.privacy.anonymity(schema)
    section = config.privacy.protection
    assert section is not None
    share, others = _holdout(request.holdout, schema)
    salt = stream(seed, "split").bytes(16)
    held = in_holdout(frame, share, salt=salt, group=schema.group)
    train = frame[~held].reset_index(drop=True)
    ledger = _ledger(request, budget, schema)
    _warn_of_delta(budget, _learnt_rows(train, schema.group, section.rows_per_patient))
    learnt = _learnt(train, declared, request, ledger=ledger, seed=seed, progress=progress)
    origin = Origin(
        seed=seed,
        salt=salt.hex(),
        holdout_share=share,
        rows={
            "table": len(frame),
            "train": len(learnt.prepared.encoded),
            "holdout": int(held.sum()) + others,
        },
        table="",
        train="",
        notes=learnt.notes,
        training={**learnt.trained.facts, **learnt.choice.facts()},
        history=learnt.trained.history.to_dict(),
    )
    table_format = replace(public_format(learnt.prepared.encoder), kind=given.kind)
    return Fitted(
        config,
        learnt.trained.model,
        learnt.prepared.encoder,
        table_format,
        origin,
        _unread_rules(request.rules, learnt.prepared.schema),
        learnt.levers,
        ledger,
    )


def _learnt(
    train: pd.DataFrame,
    declared: Schema | None,
    request: FitRequest,
    *,
    ledger: PrivacyLedger,
    seed: int,
    progress: Progress,
) -> PrivatelyLearnt:
    """Learn, and keep the ledger for the next fit of the same patients."""
    carried = len(ledger.entries)
    try:
        return learn_privately(
            train,
            declared,
            request.target,
            ledger=ledger,
            config=request.config,
            seed=int(stream(seed, "train").integers(2**62)),
            progress=progress,
            monitor=request.monitor,
        )
    finally:
        # What was read is spent, whatever became of the fit.
        if isinstance(request.ledger, str | Path) and len(ledger.entries) > carried:
            ledger.write(request.ledger)


def _unread_rules(pack: RulePack | None, schema: Schema) -> RulePack | None:
    """The rules as they were declared: how often patients break them is not looked at."""
    if pack is None:
        return None
    pack.check_columns(schema)
    for rule in pack.rules:
        if isinstance(rule.form, Combination) and rule.form.allowed is None:
            raise RuleError(
                f"rule {rule.name!r} takes its combinations from the table, which differential privacy would "
                "have to pay for. List the combinations that are allowed"
            )
    return pack


def _ledger(request: FitRequest, budget: Budget, schema: Schema) -> PrivacyLedger:
    """The ledger of this fit; with what an earlier one of the same patients spent, where it was given."""
    unit: Unit = "row" if schema.group is None else "patient"
    earlier = request.ledger
    if isinstance(earlier, str | Path) and not Path(earlier).exists():
        earlier = None
    if earlier is None:
        return PrivacyLedger(budget, unit=unit)
    spent = PrivacyLedger.read(earlier) if isinstance(earlier, str | Path) else earlier
    if spent.unit != unit:
        raise ConfigError(
            f"the ledger counts by {spent.unit} and this table by {unit}: they do not add up. Declare the "
            "same group column in both fits"
        )
    return PrivacyLedger(budget, unit=unit, entries=spent.entries)


def _learnt_rows(train: pd.DataFrame, group: str | None, most: int) -> int:
    """How many rows are learnt, where so many of each patient are kept at most."""
    if group is None:
        return len(train)
    return int(train[group].value_counts(dropna=False).clip(upper=most).sum())


def _warn_of_delta(budget: Budget, rows: int) -> None:
    if budget.delta > 1 / rows:
        warnings.warn(
            f"delta {budget.delta:g} is more than one in the {rows:,} rows that are learnt: releasing one "
            "patient's row would keep it. Choose a delta well below 1 / rows",
            UserWarning,
            stacklevel=2,
        )


def _declared(request: FitRequest) -> Schema | None:
    schema = request.schema
    return Schema.from_yaml(schema) if isinstance(schema, str | Path) else schema


def _holdout(holdout: Any, schema: Schema) -> tuple[float, int]:
    """Read `holdout` as a share and a number of other rows; whether these are the same is not looked at."""
    share = share_of(holdout)
    if share is not None:
        return share, 0
    others = to_pandas(holdout)[0]
    check_columns(others, schema, what="hold-out")
    return 0.0, len(others)

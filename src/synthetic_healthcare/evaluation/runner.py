"""Judge a synthetic table: run every metric, make the two scores, write the report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation._base import Measure, Metric, MetricResult, NotApplicable
from synthetic_healthcare.evaluation.catalogue import metrics_of
from synthetic_healthcare.evaluation.encoding import arrange, fit_encoder
from synthetic_healthcare.evaluation.fairness.groups import check_protected
from synthetic_healthcare.evaluation.fairness.score import fairness_score
from synthetic_healthcare.evaluation.inputs import Inputs
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.nulls import Nulls
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.evaluation.scores import privacy_judgement, utility_score
from synthetic_healthcare.evaluation.views import check_columns, judged_columns, read_tables
from synthetic_healthcare.progress import Progress, Silent, phase
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.time_to_event import check_time_to_event

#: Numbers of an encoded table in which near rows are sought (160 MB).
_DEEP_CELLS: Final = 20_000_000
NO_HOLDOUT: Final = (
    "there is no hold-out: without patients that the generator never saw, nothing can be told about it"
)
NO_RULES: Final = "no rule pack was given (EvaluationOptions(rules=...), or evaluate --rules FILE)"


def evaluate(
    synthetic: pd.DataFrame,
    *,
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    schema: Schema,
    options: EvaluationOptions | None = None,
    progress: Progress | None = None,
    context: Mapping[str, Any] | None = None,
    history: Mapping[str, Any] | None = None,
) -> EvaluationReport:
    """Judge a synthetic table against the rows that it was learnt from and rows that were kept aside.

    Parameters
    ----------
    synthetic, train : DataFrame
        The generated rows, and the real rows that the generator saw.
    holdout : DataFrame or None
        Real rows that it never saw. Without them there are no scores, only the reason.
    schema : Schema
        Says how each column is read and which one is the target. Identifiers, text and patient columns are
        left out, and the report names them.
    options : EvaluationOptions, optional
        Seed, resamples, row limit, tolerable risk, clinical rules.
    progress : Progress, optional
        Told of every metric that is done.
    context : Mapping, optional
        Plain data to keep in the report (model, settings).
    history : Mapping, optional
        Training curves, for the report's picture.

    Returns
    -------
    EvaluationReport
        Confidential: it is computed from real rows. It does not depend on the order of rows or columns, on
        the spelling of categories or on units.

    Raises
    ------
    EvaluationError
        For a table without rows, and for missing, extra or unreadable columns, by name.
    RuleError
        For a rule that does not fit the schema.
    SchemaError
        For a time to an event whose columns the schema does not have.
    """
    # One thread: sums come out bit for bit the same, and small trees are faster than with two that wait for
    # each other.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    options = options or EvaluationOptions()
    if options.rules is not None:
        options.rules.check_columns(schema)
    check_time_to_event(options.time_to_event, schema.columns)
    check_protected(options, schema)
    metrics = metrics_of(options.suite)
    with threadpool_limits(limits=1), phase(progress or Silent(), "evaluate", len(metrics) + 1) as watcher:
        frames = _aligned(synthetic, train, holdout, schema)
        inputs, facts = inputs_of(frames, schema, options)
        results, measures = _run_all(metrics, inputs, watcher)
        nulls = _nulls(inputs)
        utility = utility_score(results, measures)
        judgement = privacy_judgement(
            results,
            measures,
            nulls,
            threshold=options.threshold,
            holdout_rows=0 if holdout is None else min(len(holdout), options.max_rows),
        )
        fairness = fairness_score(results, measures, inputs)
        figures = _figures(frames, schema, options, history)
        watcher.advance(len(metrics) + 1)
    return EvaluationReport(
        utility,
        judgement.score,
        judgement.verdict,
        judgement.reason,
        tuple(results.values()),
        {
            **facts,
            "null_risk": None if nulls is None else nulls.expected_maximum,
            **dict(context or {}),
            "notes": [*(context or {}).get("notes", ()), *facts["notes"]],
        },
        figures,
        fairness,
    )


def looks_swapped(synthetic: pd.DataFrame, train: pd.DataFrame) -> bool:
    """Whether the two tables hold the same rows: then the arguments were most likely swapped or repeated.

    The judge itself accepts such a table (a verbatim copy must get its zero); callers that know where their
    rows come from ask first.
    """
    from synthetic_healthcare.tables import fingerprint

    return len(synthetic) == len(train) and fingerprint(synthetic) == fingerprint(train)


def run_metric(one: Metric, inputs: Inputs) -> tuple[MetricResult, Measure | None]:
    """Run one metric; an exception becomes a failed result with its reason, never a figure."""
    started = time.perf_counter()
    measure, status, reason = None, "ok", ""
    try:
        measure = inputs.call(one.compute, one.name)
        _check(measure, one)
    except NotApplicable as absent:
        status, reason = "not_applicable", str(absent)
    except Exception as error:  # noqa: BLE001 - whatever a metric raises is reported beside its name
        measure, status, reason = None, "failed", f"{type(error).__name__}: {error}"
    figures = (
        {}
        if measure is None
        else {
            "value": measure.value,
            "lower": measure.lower,
            "upper": measure.upper,
            "ceiling": measure.ceiling,
            "detail": measure.detail,
        }
    )
    result = MetricResult(
        one.name,
        one.title,
        one.family,
        one.better,
        one.bounds,
        status,  # type: ignore[arg-type]
        reason=reason,
        about=one.about,
        seconds=time.perf_counter() - started,
        **figures,
    )
    return result, measure


def _check(measure: Measure, one: Metric) -> None:
    """Refuse a figure that is no number or lies outside of what the metric promises."""
    low, high = one.bounds
    for name in ("value", "lower", "upper", "ceiling"):
        figure = getattr(measure, name)
        if figure is not None and not low - 1e-9 <= figure <= high + 1e-9:
            raise ArithmeticError(f"{name} is {figure}, outside of {low} to {high}")


def _aligned(
    synthetic: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame | None, schema: Schema
) -> list[pd.DataFrame]:
    named = [("synthetic", synthetic), ("training", train)]
    if holdout is not None:
        named.append(("hold-out", holdout))
    for what, frame in named:
        if not isinstance(frame, pd.DataFrame):
            raise EvaluationError(f"the {what} table is a {type(frame).__name__}; give a pandas DataFrame")
        check_columns(frame, schema, what=what)
    return [frame for _, frame in named]


def inputs_of(
    frames: list[pd.DataFrame], schema: Schema, options: EvaluationOptions
) -> tuple[Inputs, dict[str, Any]]:
    """Read the tables (synthetic, training, hold-out) for metrics to ask for, and say what they hold."""
    fields, views = read_tables(frames, schema)
    encoder = fit_encoder(fields, views[1:])
    depth = max(options.max_rows, min(10 * options.max_rows, _DEEP_CELLS // encoder.width))
    arranged = [
        arrange(view, encoder, seed=options.seed, table=table, rows=depth) for table, view in enumerate(views)
    ]
    names = ("synthetic", "train", "holdout")
    given: dict[str, Any] = {}
    for name, (judged, _) in zip(names, arranged, strict=False):
        given |= {name: judged.first(options.max_rows), f"{name}_deep": judged}
    given |= {"fields": fields, "encoder": encoder, "options": options}
    absent: dict[str, str] = {}
    if len(frames) == 3:
        given["all_keys"] = tuple(keys for _, keys in arranged)
    else:
        absent |= dict.fromkeys(("holdout", "holdout_deep", "all_keys"), NO_HOLDOUT)
    targets = [field for field in fields if field.name == schema.target]
    if targets:
        given["target"] = targets[0]
    else:
        absent["target"] = "no target column is declared"
    given |= {"tables": frames, "schema": schema, "views": tuple(views)}
    if options.rules is None:
        absent["rules"] = NO_RULES
    else:
        given["rules"] = options.rules
    return Inputs(given, absent, seed=options.seed), _facts(frames, schema, options)


def _facts(frames: list[pd.DataFrame], schema: Schema, options: EvaluationOptions) -> dict[str, Any]:
    """What was compared, for the report."""
    counts = [len(frame) for frame in frames] + [0]
    judged, left_out = judged_columns(schema)
    return {
        "rows": dict(zip(("synthetic", "train", "holdout"), counts, strict=False)),
        "columns": [column.name for column in judged],
        "left_out": list(left_out),
        "target": schema.target,
        "options": _settings(options),
        "notes": [
            f"{name}: {count:,} rows, of which {options.max_rows:,} were judged (chosen by a hash of their "
            "content); near copies were sought in up to ten times as many, exact ones in all"
            for name, count in zip(("synthetic", "training", "hold-out"), counts, strict=False)
            if count > options.max_rows
        ],
    }


def _settings(options: EvaluationOptions) -> dict[str, Any]:
    """The options as plain data; of the rules, how many there are."""
    settings = asdict(replace(options, rules=None))
    del settings["rules"]
    if options.time_to_event is None:
        del settings["time_to_event"]
    return settings if options.rules is None else settings | {"rules": len(options.rules)}


def _run_all(
    metrics: tuple[Metric, ...], inputs: Inputs, watcher: Progress
) -> tuple[dict[str, MetricResult], dict[str, Measure]]:
    results, measures = {}, {}
    for done, one in enumerate(metrics, start=1):
        results[one.name], measure = run_metric(one, inputs)
        if measure is not None:
            measures[one.name] = measure
        watcher.advance(done)
    return results, measures


def _nulls(inputs: Inputs) -> Nulls | None:
    """The draws without leakage, where the metrics could use them."""
    try:
        nulls: Nulls = inputs.get("nulls")
    except Exception:  # noqa: BLE001 - every privacy metric asked for it before, and reports why it is not there
        return None
    return nulls


def _figures(
    frames: list[pd.DataFrame],
    schema: Schema,
    options: EvaluationOptions,
    history: Mapping[str, Any] | None,
) -> dict[str, Any]:
    if not options.figures:
        return {}
    from synthetic_healthcare.evaluation.page.figures import collect

    real = pd.concat(frames[1:], ignore_index=True)
    rng = np.random.default_rng([options.seed, 1])
    return collect(frames[0], real, schema=schema, rng=rng, history=history)

"""From the fitted state to tables: rows as they were learnt, under conditions, or with classes in balance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthetic_healthcare import pipeline
from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.fitted import Fitted
from synthetic_healthcare.progress import Progress, default_progress, phase
from synthetic_healthcare.sampling.conditional import (
    ConditionalDraw,
    ConditionalRequest,
    OnRare,
    draw_conditional,
)
from synthetic_healthcare.sampling.conditions import Conditions
from synthetic_healthcare.sampling.imputation import impute
from synthetic_healthcare.schema.column import DISCRETE_KINDS, Column
from synthetic_healthcare.transforms.wanted import learnt_categories

Asked = Mapping[str, Any] | Iterable[tuple[str, Any]]


def table(frames: Iterable[pd.DataFrame], n: int, progress: Progress | None) -> pd.DataFrame:
    """Put tables of `n` rows in all together, and tell the watcher of each."""
    held: list[pd.DataFrame] = []
    with phase(progress or default_progress(), "sample", n) as watched:
        for frame in frames:
            held.append(frame)
            watched.advance(sum(map(len, held)))
    return pd.concat(held, ignore_index=True)


def as_learnt(fitted: Fitted, n: int, *, rng: np.random.Generator) -> Iterator[pd.DataFrame]:
    """Draw `n` rows from the learnt distribution, table by table."""
    chunks = pipeline.sample(fitted.model, n, seed=_seed(rng))
    return pipeline.restore(chunks, fitted.encoder, rng=rng)


def under_conditions(
    fitted: Fitted, asked: Asked, n: int, *, rng: np.random.Generator, on_rare: OnRare
) -> tuple[ConditionalDraw, Iterator[pd.DataFrame]]:
    """Draw `n` rows that meet conditions, table by table; the first value is filled on the way.

    Raises
    ------
    ConditionError
        See `Conditions.of` and `sampling.conditional.draw_conditional`.
    ConfigError
        `on_rare` is neither "raise" nor "warn".
    """
    if on_rare not in ("raise", "warn"):
        raise ConfigError(f"on_rare is {on_rare!r}; it must be 'raise' or 'warn'")
    conditions = Conditions.of(asked, fitted.encoder)
    request = ConditionalRequest(
        conditions, n, fitted.origin.rows["train"], fitted.config.transforms.rare_floor, on_rare
    )
    told = ConditionalDraw(", ".join(conditions.wishes))
    return told, draw_conditional(fitted.model, fitted.encoder, request, seed=_seed(rng), told=told)


def in_balance(
    fitted: Fitted, name: str, n: int, *, rng: np.random.Generator
) -> tuple[tuple[ConditionalDraw, ...], pd.DataFrame]:
    """Draw `n` rows in which every class of a column has the same share, in random order.

    Parameters
    ----------
    name : str
        A column of classes, or "target" for the target, whatever its name.

    Raises
    ------
    ConfigError
        The column has no classes, or more than there are rows.
    """
    column = _balanced_column(fitted, name)
    classes = learnt_categories(fitted.encoder, column.name)
    if len(classes) > n:
        raise ConfigError(f"column {column.name!r} has {len(classes)} classes, more than the {n} rows")
    told, tables = [], []
    for place, each in enumerate(classes):
        # What does not divide evenly goes to the first classes.
        rows = n // len(classes) + (place < n % len(classes))
        draw, frames = under_conditions(fitted, {column.name: each}, rows, rng=rng, on_rare="raise")
        tables.append(pd.concat(frames, ignore_index=True))
        draw.what = f"{column.name}, class {place + 1} of {len(classes)}"
        told.append(draw)
    joined = pd.concat(tables, ignore_index=True)
    return tuple(told), joined.iloc[rng.permutation(n)].reset_index(drop=True)


def without_gaps(fitted: Fitted, frame: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Fill the gaps of a table; see `sampling.imputation.impute`."""
    return impute(fitted.model, fitted.encoder, frame, seed=_seed(rng))


def _balanced_column(fitted: Fitted, name: str) -> Column:
    schema = fitted.schema
    if name == "target" and "target" not in schema.names:
        if schema.target is None:
            raise ConfigError("balance='target', and no target is declared: name the column")
        name = schema.target
    column = schema[name]
    if column.kind not in DISCRETE_KINDS:
        raise ConfigError(f"column {name!r} is {column.kind}: only classes can be balanced")
    return column


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**62))

"""From the fitted state to tables: rows as they were learnt, under conditions, or with classes in balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import pandas as pd

from synthetic_healthcare import pipeline
from synthetic_healthcare.errors import ConditionError, ConfigError
from synthetic_healthcare.fitted import Fitted
from synthetic_healthcare.privacy.anonymity import AnonymityReport
from synthetic_healthcare.privacy.anonymity.release import Refill, released
from synthetic_healthcare.progress import Progress, default_progress, phase
from synthetic_healthcare.rules import Enforcement, Violations, enforce
from synthetic_healthcare.sampling.conditional import (
    ConditionalDraw,
    ConditionalRequest,
    OnRare,
    draw_conditional,
)
from synthetic_healthcare.sampling.conditions import Conditions
from synthetic_healthcare.sampling.imputation import impute
from synthetic_healthcare.sampling.levers import draw_selected
from synthetic_healthcare.sampling.parity import Parity, ParityDraw, cells_of, draw_to_parity, fill
from synthetic_healthcare.schema.column import DISCRETE_KINDS, Column
from synthetic_healthcare.tables.writing import TableWriter
from synthetic_healthcare.transforms.wanted import learnt_categories

Asked = Mapping[str, Any] | Iterable[tuple[str, Any]]

#: Times that rows whose repair broke a condition are drawn anew.
_MOST_ROUNDS: Final = 20


@final
@dataclass
class Drawn:
    """How a draw went; filled while it runs.

    Attributes
    ----------
    conditions : list of ConditionalDraw
        For rows under conditions, and for each class in balance: rate, and the patients behind.
    rules : list of Enforcement
        For each table of rows, what was done to keep the clinical rules.
    anonymity : list of AnonymityReport
        For each table that was anonymised by itself, what was counted on it.
    anonymity_breaks : list of Violations
        Likewise, how often clinical rules are broken once quasi-identifiers are coarser: anonymity has the
        last word.
    fairness : list of ParityDraw
        Where bias was to be corrected, the groups before and after.
    """

    conditions: list[ConditionalDraw] = field(default_factory=list)
    rules: list[Enforcement] = field(default_factory=list)
    anonymity: list[AnonymityReport] = field(default_factory=list)
    anonymity_breaks: list[Violations] = field(default_factory=list)
    fairness: list[ParityDraw] = field(default_factory=list)


def table(frames: Iterable[pd.DataFrame], n: int, progress: Progress | None) -> pd.DataFrame:
    """Put tables of `n` rows in all together, and tell the watcher of each."""
    held: list[pd.DataFrame] = []
    with phase(progress or default_progress(), "sample", n) as watched:
        for frame in frames:
            held.append(frame)
            watched.advance(sum(map(len, held)))
    return pd.concat(held, ignore_index=True)


def write(frames: Iterable[pd.DataFrame], path: str | Path, n: int, progress: Progress | None) -> None:
    """Write tables of `n` rows in all to one file, and tell the watcher of each."""
    with phase(progress or default_progress(), "sample", n) as watched, TableWriter(path) as writer:
        for frame in frames:
            writer.write(frame)
            watched.advance(writer.rows)


def as_asked(
    fitted: Fitted,
    n: int,
    *,
    balance: str | None,
    fairness: str | None,
    attribute: str | None,
    rng: np.random.Generator,
    told: Drawn,
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows as learnt, or with classes in balance, or with bias corrected.

    Raises
    ------
    ConfigError
        Two of them are asked for at once, or the attribute is not named.
    """
    if fairness is None and attribute is None:
        if balance is None:
            return as_learnt(fitted, n, rng=rng, told=told)
        return in_balance(fitted, balance, n, rng=rng, told=told)
    if fairness is None or attribute is None:
        raise ConfigError(
            "fairness='demographic_parity' or 'representation' goes with attribute='the column'"
        )
    if balance is not None:
        raise ConfigError("balance and fairness exclude each other: both decide how many rows a group gets")
    return in_parity(fitted, fairness, attribute, n, rng=rng, told=told)


def as_learnt(fitted: Fitted, n: int, *, rng: np.random.Generator, told: Drawn) -> Iterator[pd.DataFrame]:
    """Draw `n` rows from the learnt distribution, table by table; rules and anonymity are kept."""

    def refill(lost: pd.DataFrame) -> pd.DataFrame:
        return pd.concat(_keeping_rules(fitted, len(lost), rng=rng, told=told), ignore_index=True)

    return _anonymous(fitted, _keeping_rules(fitted, n, rng=rng, told=told), refill, rng=rng, told=told)


def in_parity(
    fitted: Fitted, aim: str, attribute: str, n: int, *, rng: np.random.Generator, told: Drawn
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows in which the groups of a column are treated alike; see `sampling.parity`.

    Raises
    ------
    ConfigError
        The aim is unknown, or attribute or target have no classes or are quasi-identifiers that anonymity
        makes coarser.
    ConditionError
        The model hardly draws what is wanted.
    """
    target = fitted.schema.target
    parity = Parity(aim, attribute, target)
    _balanced_column(fitted, attribute)
    if aim == "demographic_parity":
        _balanced_column(fitted, "target")
    elif target is not None and fitted.schema[target].kind not in DISCRETE_KINDS:
        # A number cannot be told by its classes; the groups are brought to equal shares all the same.
        parity = replace(parity, target=None)

    def rows(number: int) -> Iterator[pd.DataFrame]:
        return _keeping_rules(fitted, number, rng=rng, told=told)

    def refill(lost: pd.DataFrame) -> pd.DataFrame:
        return fill(rows, parity, Counter(cells_of(lost, parity)), rng=rng)[0]

    frame, done = draw_to_parity(rows, parity, n, rng=rng)
    told.fairness.append(done)
    frame = fitted.encoder.renumber(frame, rng, first_row=0)
    return _anonymous(fitted, [frame], refill, rng=rng, told=told)


def _keeping_rules(
    fitted: Fitted, n: int, *, rng: np.random.Generator, told: Drawn
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows from the learnt distribution that keep the clinical rules."""

    def rows(number: int) -> Iterator[pd.DataFrame]:
        chunks = draw_selected(fitted.model, fitted.levers, number, seed=_seed(rng))
        return pipeline.restore(chunks, fitted.encoder, rng=rng)

    for frame in rows(n):
        yield _ruled(fitted, frame, rows, rng=rng, told=told)


def under_conditions(
    fitted: Fitted, asked: Asked, n: int, *, rng: np.random.Generator, on_rare: OnRare, told: Drawn
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows that meet conditions, table by table; rules and anonymity are kept.

    Values of quasi-identifiers give way to others of rows that meet the conditions too, so these still hold.

    Raises
    ------
    ConditionError
        See `Conditions.of` and `sampling.conditional.draw_conditional`.
    ConfigError
        `on_rare` is neither "raise" nor "warn".
    """

    def refill(lost: pd.DataFrame) -> pd.DataFrame:
        again = Drawn(rules=told.rules)
        frames = _meeting(fitted, asked, len(lost), rng=rng, on_rare="warn", told=again)
        return pd.concat(frames, ignore_index=True)

    frames = _meeting(fitted, asked, n, rng=rng, on_rare=on_rare, told=told)
    return _anonymous(fitted, frames, refill, rng=rng, told=told)


def in_balance(
    fitted: Fitted, name: str, n: int, *, rng: np.random.Generator, told: Drawn
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows in which every class of a column has the same share, in random order.

    Parameters
    ----------
    name : str
        A column of classes, or "target" for the target, whatever its name.

    Raises
    ------
    ConfigError
        The column has no classes, or more than there are rows, or is a quasi-identifier.
    """
    column = _balanced_column(fitted, name)
    classes = learnt_categories(fitted.encoder, column.name)
    if len(classes) > n:
        raise ConfigError(f"column {column.name!r} has {len(classes)} classes, more than the {n} rows")
    tables = []
    for place, each in enumerate(classes):
        # What does not divide evenly goes to the first classes.
        rows = n // len(classes) + (place < n % len(classes))
        frames = _meeting(fitted, {column.name: each}, rows, rng=rng, on_rare="raise", told=told)
        tables.append(pd.concat(frames, ignore_index=True))
        told.conditions[-1].what = f"{column.name}, class {place + 1} of {len(classes)}"
    joined = pd.concat(tables, ignore_index=True)
    mixed = joined.iloc[rng.permutation(n)].reset_index(drop=True)

    def refill(lost: pd.DataFrame) -> pd.DataFrame:
        again = Drawn(rules=told.rules)
        fresh: list[pd.DataFrame] = []
        for each in classes:
            rows = int(Conditions.of({column.name: each}, fitted.encoder).hold(lost).sum())
            if rows:
                frames = _meeting(fitted, {column.name: each}, rows, rng=rng, on_rare="warn", told=again)
                fresh.extend(frames)
        return pd.concat(fresh, ignore_index=True)

    mixed = fitted.encoder.renumber(mixed, rng, first_row=0)
    return _anonymous(fitted, [mixed], refill, rng=rng, told=told)


def _anonymous(
    fitted: Fitted,
    frames: Iterable[pd.DataFrame],
    refill: Refill,
    *,
    rng: np.random.Generator,
    told: Drawn,
) -> Iterator[pd.DataFrame]:
    """Make tables as anonymous as was asked, the last thing that is done to them."""
    requirement = fitted.requirement
    if requirement is None:
        yield from frames
        return
    given = 0
    for frame, report in released(frames, fitted.schema, requirement, refill=refill):
        told.anonymity.append(report)
        if fitted.rules is not None:
            told.anonymity_breaks.append(fitted.rules.violations(frame, fitted.schema))
        # Rows that were drawn anew have identifiers of a draw of their own.
        yield fitted.encoder.renumber(frame, rng, first_row=given) if report.suppressed else frame
        given += len(frame)


def _meeting(
    fitted: Fitted, asked: Asked, n: int, *, rng: np.random.Generator, on_rare: OnRare, told: Drawn
) -> Iterator[pd.DataFrame]:
    """Draw `n` rows that meet conditions and keep the clinical rules, table by table."""
    if on_rare not in ("raise", "warn"):
        raise ConfigError(f"on_rare is {on_rare!r}; it must be 'raise' or 'warn'")
    conditions = Conditions.of(asked, fitted.encoder)
    request = ConditionalRequest(
        conditions, n, fitted.origin.rows["train"], fitted.config.transforms.rare_floor, on_rare
    )
    drawer = (fitted.model, fitted.encoder, fitted.levers)
    draw = ConditionalDraw(", ".join(conditions.wishes))
    told.conditions.append(draw)

    def rows(number: int) -> Iterator[pd.DataFrame]:
        fresh = ConditionalDraw(draw.what)
        again = replace(request, n=number, on_rare="warn")
        return draw_conditional(*drawer, again, seed=_seed(rng), told=fresh)

    given = 0
    for frame in draw_conditional(*drawer, request, seed=_seed(rng), told=draw):
        met = _still_met(fitted, frame, conditions, rows, rng=rng, told=told)
        yield fitted.encoder.renumber(met, rng, first_row=given)
        given += len(met)


def _ruled(
    fitted: Fitted,
    frame: pd.DataFrame,
    rows: Callable[[int], Iterator[pd.DataFrame]],
    *,
    rng: np.random.Generator,
    told: Drawn,
) -> pd.DataFrame:
    """Make rows keep the clinical rules; `rows` draws others in the place of those that cannot be mended."""
    if fitted.rules is None:
        return frame

    def redraw(number: int) -> pd.DataFrame:
        return pd.concat(rows(number), ignore_index=True)

    kept, done = enforce(frame, fitted.rules, redraw=redraw, rng=rng, schema=fitted.schema)
    told.rules.append(done)
    return kept


def _still_met(
    fitted: Fitted,
    frame: pd.DataFrame,
    conditions: Conditions,
    rows: Callable[[int], Iterator[pd.DataFrame]],
    *,
    rng: np.random.Generator,
    told: Drawn,
) -> pd.DataFrame:
    """Make rows keep the rules and meet the conditions: a repair may have moved what was asked for."""
    frame = _ruled(fitted, frame, rows, rng=rng, told=told)
    for _ in range(_MOST_ROUNDS):
        met = conditions.hold(frame)
        if met.all():
            return frame
        fresh = pd.concat(rows(int((~met).sum())), ignore_index=True)
        fresh = _ruled(fitted, fresh, rows, rng=rng, told=told)
        frame = pd.concat([frame[met], fresh], ignore_index=True)
    raise ConditionError(
        f"the conditions on {', '.join(map(repr, conditions.wishes))} and the clinical rules are hardly met "
        "at once: what a rule repairs breaks a condition. Drop one of them, or let the rule redraw"
    )


def without_gaps(fitted: Fitted, frame: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Fill the gaps of a table; see `sampling.imputation.impute`.

    Raises
    ------
    ConfigError
        Anonymity was asked for: a filled table holds the rows that it was given, which nothing makes coarser.
    """
    if fitted.anonymity is not None:
        raise ConfigError(
            "impute gives back the rows that it is given, with their quasi-identifiers as they are, and this "
            "generator is to give out anonymous tables only. Fit one without k_anonymity, l_diversity and "
            "t_closeness to fill gaps"
        )
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
    requirement = fitted.requirement
    if requirement is not None and name in requirement.quasi_identifiers:
        raise ConfigError(
            f"column {name!r} is a quasi-identifier: it is made coarser, so its classes cannot be kept in "
            "balance. Balance another column, or leave it out of quasi_identifiers"
        )
    return column


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**62))

"""`fit_private_encoder`: the encoder of a table, made of declarations and noisy counts only.

It is the same `TableEncoder`, of the same fitted columns, as `transforms.encoder.fit_encoder` makes of the
rows themselves: what decodes, samples and conditions need not know the difference. Each column is fitted to a
noisy one-way table over its domain, missing cells included; no column is dropped for what is in it, no two
columns are taken to be missing together, and notes tell of noisy counts only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas as pd

from synthetic_healthcare.errors import DataError, RejectColumn
from synthetic_healthcare.privacy.counting import IntCounts, PrivateCounts
from synthetic_healthcare.schema.column import CONTINUOUS_KINDS, Column
from synthetic_healthcare.schema.public import is_learnt, kind_is_open, public_dtype, require_declared
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms._base import FittedColumn
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.identifier import FittedIdentifier
from synthetic_healthcare.transforms.private._base import Domain, Marginal
from synthetic_healthcare.transforms.private.choices import ChoiceDomain
from synthetic_healthcare.transforms.private.discovery import Discovery, Open
from synthetic_healthcare.transforms.private.numbers import DAY, MINUTE, instant_domain, number_domain
from synthetic_healthcare.transforms.private.sets import CodesDomain
from synthetic_healthcare.transforms.private.shares import CODES_PER_ROW, Shares


@final
@dataclass(frozen=True, eq=False)
class PrivateDomain:
    """What the columns of a table may hold, and their noisy one-way counts.

    Parameters
    ----------
    domains : Mapping of str to Domain
        Of each column that is learnt, in the table's order.
    marginals : Mapping of str to Marginal
        Their counts, cell by cell of their domain: paid for, so that models may use them again at no cost.
    """

    domains: Mapping[str, Domain]
    marginals: Mapping[str, Marginal]

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table with each cell moved into its column's domain, row by row; none raises."""
        moved = {name: domain.conform(frame[name]) for name, domain in self.domains.items()}
        rest = {name: frame[name].reset_index(drop=True) for name in frame.columns if name not in moved}
        return pd.DataFrame(moved | rest, columns=list(frame.columns))


def fit_private_encoder(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    counts: PrivateCounts,
    shares: Shares,
    config: TransformConfig,
    strict_domain: bool,
) -> tuple[TableEncoder, PrivateDomain]:
    """Learn how to encode a table, paying for each look at its rows.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The rows that a model may learn from; of one person at most `counts.rows_per_person`.
    schema : Schema
        A private one (`schema.public.private_schema`): only what was declared.
    counts : PrivateCounts
        The door; with a chance of failure set aside unless all categories are declared.
    shares : Shares
        What may be spent on what.
    config : TransformConfig
        `max_categories`; all other protections are the noise's.
    strict_domain : bool
        Whether anything undeclared is refused rather than learnt.

    Returns
    -------
    encoder : TableEncoder
    domain : PrivateDomain
        Moves rows into the domain before they are encoded.

    Raises
    ------
    SchemaError
        Columns that `strict_domain` refuses.
    BudgetExceededError, ConfigError
        The shares are not left.
    RejectColumn
        More categories are declared than `config` allows.
    DataError
        No column can be learnt: all are identifiers.
    """
    if strict_domain:
        require_declared(schema)
    _require_few(schema, config.max_categories)
    learnt = [column for column in schema.columns if is_learnt(column)]
    if not learnt:
        raise DataError(
            "no column of the table can be learnt: all are identifiers. Declare the kinds of those to learn"
        )
    rows = _public_rows(frame, schema, counts)
    opened, spent = _close(frame, learnt, counts=counts, shares=shares, config=config, rows=rows)
    domains, marginals = _measure(frame, opened, counts=counts, share=shares.total - spent, rows=rows)
    return _assemble(schema, domains, marginals), PrivateDomain(domains, marginals)


def _require_few(schema: Schema, most: int) -> None:
    for column in schema.columns:
        if is_learnt(column) and len(column.categories or ()) > most:
            raise RejectColumn(
                column.name,
                f"it declares {len(column.categories or ())} categories, more than {most}",
                "Group them, declare the column as identifier, or raise max_categories",
            )


def _public_rows(frame: pd.DataFrame, schema: Schema, counts: PrivateCounts) -> int:
    """The number of persons: of rows, or of patients."""
    if counts.ledger.unit == "patient" and schema.group is not None:
        return int(frame[schema.group].nunique(dropna=False))
    return len(frame)


def _close(
    frame: pd.DataFrame,
    learnt: Sequence[Column],
    *,
    counts: PrivateCounts,
    shares: Shares,
    config: TransformConfig,
    rows: int,
) -> tuple[tuple[Open, ...], float]:
    """Learn what was not declared; return the columns and the share that it took."""
    discovery = Discovery(frame, counts, shares=shares, learnt=len(learnt), rows=rows)
    opened = discovery.kinds([Open(column, _step(column)) for column in learnt])
    opened = discovery.ranges(opened)
    opened = discovery.categories(opened, most=config.max_categories)
    return opened, discovery.spent


def _step(column: Column) -> float:
    """Whole days, unless a declared bound has a time of day: minutes then."""
    return DAY if all(bound % DAY == 0 for bound in column.bounds or ()) else MINUTE


def _measure(
    frame: pd.DataFrame, opened: Sequence[Open], *, counts: PrivateCounts, share: float, rows: int
) -> tuple[dict[str, Domain], dict[str, Marginal]]:
    """Release the one-way tables of all columns at once."""
    units = sum(CODES_PER_ROW if held.column.kind == "codes" else 1 for held in opened)
    precision = rows / counts.deviation(units, share)
    domains = [_domain(held, precision) for held in opened]

    def count() -> list[IntCounts]:
        return [domain.count(frame[domain.column.name]) for domain in domains]

    released = counts.release_sets(
        count,
        most=[domain.most for domain in domains],
        share=share,
        purpose="one-way counts",
        columns=[domain.column.name for domain in domains],
    )
    total = float(rows)
    if counts.ledger.unit == "patient":
        # How many rows the patients have is not public: each table of one count a row estimates it.
        sums = [
            int(table.sum())
            for domain, table in zip(domains, released.tables, strict=True)
            if domain.most == 1
        ]
        total = max(float(np.mean(sums)) if sums else total, 1.0)
    settled = [
        domain.settle(Marginal(table, released.deviation, total))
        for domain, table in zip(domains, released.tables, strict=True)
    ]
    return (
        {domain.column.name: domain for domain, _ in settled},
        {domain.column.name: marginal for domain, marginal in settled},
    )


def _domain(held: Open, precision: float) -> Domain:
    column = held.column
    if column.kind == "datetime":
        return instant_domain(column, held.step, precision=precision, shape=held.shape)
    if column.kind in CONTINUOUS_KINDS:
        made = number_domain(column, precision=precision, shape=held.shape)
        return replace(made, learnt=kind_is_open(column))
    if column.kind == "codes":
        return CodesDomain(column, CODES_PER_ROW)
    return ChoiceDomain(column, held.learnt)


def _assemble(
    schema: Schema, domains: Mapping[str, Domain], marginals: Mapping[str, Marginal]
) -> TableEncoder:
    """Set the fitted columns side by side, each with a presence of its own where cells are missing."""
    columns: list[Column] = []
    fitted: list[FittedColumn] = []
    panels: list[tuple[int, ...]] = []
    present: list[float] = []
    notes: list[str] = []
    for place, declared in enumerate(schema.columns):
        if declared.name not in domains:
            columns.append(_with_dtype(declared, declared))
            fitted.append(FittedIdentifier("number" if "int" in columns[-1].dtype.lower() else "text"))
            continue
        domain, marginal = domains[declared.name], marginals[declared.name]
        has_missing = domain.column.nullable and marginal.has_missing
        if has_missing:
            panels.append((place,))
            present.append(_present_share(marginal))
        columns.append(_with_dtype(domain.column, declared))
        fitted.append(domain.fit(marginal, with_missing=has_missing))
        notes += _learnt_note(declared, columns[-1])
    return TableEncoder(
        replace(schema, columns=tuple(columns)), tuple(fitted), tuple(panels), tuple(present), tuple(notes)
    )


def _present_share(marginal: Marginal) -> float:
    missing = float(np.clip(marginal.counts[-1], 1.0, max(marginal.rows - 1.0, 1.0)))
    return max(1.0 - missing / max(marginal.rows, 2.0), 0.0)


def _with_dtype(column: Column, declared: Column) -> Column:
    """Give a column the dtype that it declared, or that follows from what is public of it."""
    if "dtype" in declared.declared:
        return column
    # Numbers of an undeclared kind stay plain numbers, be they levels or not.
    numeric = kind_is_open(declared) and column.kind == "ordinal"
    kind = "numeric" if numeric else column.kind
    return replace(column, dtype=public_dtype(kind, column.categories, nullable=column.nullable))


def _learnt_note(declared: Column, column: Column) -> tuple[str, ...]:
    """Say what was learnt of a column; all of it was paid for."""
    learnt = [
        *([f"kind {column.kind}"] if kind_is_open(declared) else []),
        *(["bounds"] if declared.bounds is None and column.bounds is not None else []),
        *(
            [f"{len(column.categories)} categories"]
            if declared.categories is None and column.categories is not None
            else []
        ),
    ]
    named = ", ".join(learnt)
    return (
        f"column {column.name!r}: {named} learnt from noisy counts; declaring them costs nothing",
    ) * bool(learnt)

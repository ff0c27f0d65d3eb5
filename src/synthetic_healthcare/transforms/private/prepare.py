"""`prepare_privately`: a table made ready for a private training, every look at its rows paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ConfigError, DataError
from synthetic_healthcare.privacy.counting import PrivateCounts
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.schema.column import CONTINUOUS_KINDS
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.schema.public import is_learnt, kind_is_open, private_schema, require_declared
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.checks import check_public
from synthetic_healthcare.tables.frames import TableFormat
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.private.encoder import PrivateDomain, fit_private_encoder
from synthetic_healthcare.transforms.private.shares import FAILURE, Shares

#: Fewest rows that are learnt from; their number is public.
MINIMUM_ROWS: Final = 30


@final
@dataclass(frozen=True, eq=False)
class PrivatelyPrepared:
    """A table made ready to train on; as `pipeline.Prepared`, and its domain.

    Parameters
    ----------
    schema : Schema
        Its columns: what was declared, and what was learnt privately.
    encoder : TableEncoder
        Made of noisy counts.
    encoded : Encoded
        The rows themselves: for a training that pays for each look at them.
    notes : tuple of str
        What was learnt, a line each; nothing is told of rows but what was paid for.
    domain : PrivateDomain
        Domains and one-way counts, for models that use these again.
    people : int64 array (n,) or None
        Whose each encoded row is, where a column names the patients.
    """

    schema: Schema
    encoder: TableEncoder
    encoded: Encoded
    notes: tuple[str, ...]
    domain: PrivateDomain
    people: npt.NDArray[np.int64] | None


def prepare_privately(
    frame: pd.DataFrame,
    declared: Schema | None,
    target: str | None,
    *,
    ledger: PrivacyLedger,
    config: TransformConfig,
    strict_domain: bool,
    share: float,
    rows_per_person: int = 1,
) -> PrivatelyPrepared:
    """Check what is public of a table, learn its domains and marginals privately, and encode it.

    Public are the names of the columns, what was declared of them, and the number of rows (of patients, where
    a declared group column names them; `limit_rows` then keeps some rows of each). All else is read from
    noisy counts that the ledger has paid for. The rows are encoded with fresh entropy of the operating
    system, not from a seed: what is drawn for one row must not be known, nor tell of the row before it.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The rows that a model may learn from.
    declared : Schema or None
        What is known of the columns; only the fields that `Column.declared` names count.
    target : str or None
        Column to predict.
    ledger : PrivacyLedger
        Pays.
    config : TransformConfig
        `max_categories`.
    strict_domain : bool
        Whether columns that are not declared are refused rather than learnt.
    share : float, above 0 and at most 1
        Share of what is left of the ledger's precision that preparing may spend.
    rows_per_person : int, default 1
        Most rows of one patient that are kept.

    Raises
    ------
    SchemaError, DataError
        By names, declarations, the number of rows, and counts that were paid for.
    BudgetExceededError, ConfigError
        Too little is left to pay with; nothing was read.
    """
    check_public(frame, minimum_rows=1)
    schema = private_schema(frame, declared, target)
    _require_unit(schema, ledger, rows_per_person)
    _require_persons(frame, schema)
    if schema.group is not None:
        frame = limit_rows(frame, schema.group, rows_per_person, rng=np.random.default_rng())
    if strict_domain:
        require_declared(schema)
    failure = FAILURE if _may_find_categories(schema) else 0.0
    counts = PrivateCounts(ledger, rows_per_person=rows_per_person, failure=failure)
    encoder, domain = fit_private_encoder(
        frame,
        schema,
        counts=counts,
        shares=Shares().scaled(share),
        config=config,
        strict_domain=strict_domain,
    )
    if not encoder.layout.parts:
        raise DataError(
            "no column of the table can be learnt: the noisy counts show one value in each. Declare the "
            "columns' domains, or give a larger epsilon"
        )
    encoded = encoder.encode(domain.conform(frame), np.random.default_rng())
    people = None
    if schema.group is not None:
        people = pd.factorize(frame[schema.group], use_na_sentinel=False)[0].astype(np.int64)
    return PrivatelyPrepared(encoder.schema, encoder, encoded, encoder.notes, domain, people)


def limit_rows(frame: pd.DataFrame, group: str, most: int, *, rng: np.random.Generator) -> pd.DataFrame:
    """Keep at most so many rows of each patient, drawn at random, in their order.

    Rows without a patient count as one patient's.

    Parameters
    ----------
    frame : DataFrame (n, columns)
    group : str
        Column that names the patients.
    most : int
        Rows of each, at least 1.
    rng : numpy.random.Generator
        Of the operating system's entropy (`numpy.random.default_rng()`), not of the user's seed: which rows
        of a patient were kept must not be known.
    """
    if most < 1:
        raise ConfigError(f"at least one row of each patient is kept; this is {most}")
    order = rng.permutation(len(frame))
    patients = pd.factorize(frame[group].to_numpy()[order], use_na_sentinel=False)[0]
    rank = pd.Series(patients).groupby(patients).cumcount().to_numpy()
    return frame.iloc[np.sort(order[rank < most])].reset_index(drop=True)


def public_format(encoder: TableEncoder) -> TableFormat:
    """Return the format of generated tables: names and dtypes of the encoder's schema, as a pandas table.

    The format that `tables.to_pandas` notes of the real table holds its dtypes and levels, which depend on
    rows.
    """
    columns = encoder.schema.columns
    return TableFormat(
        "pandas", tuple(column.name for column in columns), tuple(column.dtype for column in columns)
    )


def _may_find_categories(schema: Schema) -> bool:
    """Whether categories may have to be found; told by declarations only."""
    return any(
        is_learnt(column)
        and (kind_is_open(column) or (column.kind not in CONTINUOUS_KINDS and column.categories is None))
        for column in schema.columns
    )


def _require_persons(frame: pd.DataFrame, schema: Schema) -> None:
    """Refuse to learn from few rows, or patients, whose number is public."""
    group = schema.group
    persons = len(frame) if group is None else int(frame[group].nunique(dropna=False))
    if persons < MINIMUM_ROWS:
        named = "rows" if group is None else f"patients (column {group!r})"
        raise DataError(
            f"the table has {persons} {named} and at least {MINIMUM_ROWS} are needed: the noise hides fewer"
        )


def _require_unit(schema: Schema, ledger: PrivacyLedger, rows_per_person: int) -> None:
    """Refuse a table of patients with several rows whose ledger counts rows, and the reverse."""
    if (schema.group is not None) != (ledger.unit == "patient"):
        named = "no column has" if schema.group is None else f"column {schema.group!r} has"
        raise ConfigError(
            f"the ledger protects each {ledger.unit}, and {named} the role 'group', which names the "
            "patients. Make both agree"
        )
    if ledger.unit == "row" and rows_per_person != 1:
        raise ConfigError(f"a row is one row, not {rows_per_person}: rows_per_person is for patients")

"""`fit_encoder` and `TableEncoder`: a whole table to `Encoded` and back, every column by its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.errors import ArtifactError, DataError, RejectColumn
from synthetic_healthcare.schema.column import Column, Kind
from synthetic_healthcare.schema.layout import Encoded, Layout
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms._base import Block, FittedColumn, State
from synthetic_healthcare.transforms.boolean import fit_boolean
from synthetic_healthcare.transforms.categorical import (
    FittedCategorical,
    fit_categorical,
    restore_categorical,
)
from synthetic_healthcare.transforms.cells import Array, Cells, read_cells, write_cells
from synthetic_healthcare.transforms.codes import FittedCodes, fit_codes, restore_codes
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.constant import FittedConstant, fit_constant, fit_empty, restore_constant
from synthetic_healthcare.transforms.datetime import FittedDatetime, fit_datetime, restore_datetime
from synthetic_healthcare.transforms.identifier import FittedIdentifier, fit_identifier, restore_identifier
from synthetic_healthcare.transforms.missing import encode_where, find_panels, panel_present, presence_of
from synthetic_healthcare.transforms.numeric import FittedNumeric, fit_numeric, restore_numeric
from synthetic_healthcare.transforms.ordinal import FittedOrdinal, fit_ordinal, restore_ordinal
from synthetic_healthcare.transforms.places import Places, lay_out

Fit = Callable[[Cells, Column, TransformConfig, np.random.Generator], tuple[FittedColumn, tuple[str, ...]]]
Restore = Callable[[dict[str, Any], dict[str, Array]], FittedColumn]

_FITS: Final[dict[Kind, Fit]] = {
    "numeric": fit_numeric,
    "integer": fit_numeric,
    "categorical": fit_categorical,
    "ordinal": fit_ordinal,
    "boolean": fit_boolean,
    "datetime": fit_datetime,
    "codes": fit_codes,
}
#: Name in a saved state -> (class, the function that rebuilds it).
_TRANSFORMS: Final[dict[str, tuple[type[FittedColumn], Restore]]] = {
    "numeric": (FittedNumeric, restore_numeric),
    "categorical": (FittedCategorical, restore_categorical),
    "ordinal": (FittedOrdinal, restore_ordinal),
    "datetime": (FittedDatetime, restore_datetime),
    "codes": (FittedCodes, restore_codes),
    "identifier": (FittedIdentifier, restore_identifier),
    "constant": (FittedConstant, restore_constant),
}
_STATE_VERSION: Final = 1


@final
@dataclass(frozen=True, eq=False)
class TableEncoder:
    """A table as it was learnt: the way of its rows to `Encoded` and back.

    Made by `fit_encoder` or `from_state`.

    Parameters
    ----------
    schema : Schema
        The columns, in the table's order; what was read from the data and not kept has been taken out of it.
    fitted : tuple of FittedColumn
        One a column, in the same order.
    panels : tuple of tuples of int
        Positions of the columns that are present or missing together (`missing.find_panels`).
    present : tuple of float
        Share of the rows in which each panel is present.
    notes : tuple of str
        One line for every repair: what was resampled, joined or left out, and how many cells it concerns.

    Attributes
    ----------
    layout : Layout
        The parts of an encoded row.
    """

    schema: Schema
    fitted: tuple[FittedColumn, ...]
    panels: tuple[tuple[int, ...], ...]
    present: tuple[float, ...]
    notes: tuple[str, ...]
    layout: Layout = field(init=False)
    _places: Places = field(init=False, repr=False)

    def __post_init__(self) -> None:
        layout, places = lay_out(self.schema.names, self.fitted, self.panels, self.present)
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "_places", places)

    def encode(self, frame: pd.DataFrame, rng: np.random.Generator) -> Encoded:
        """Encode a table with the columns of the schema.

        Parameters
        ----------
        frame : DataFrame (n, columns)
            The table that was learnt, or another one like it. Values and categories that were not learnt
            are treated as rare ones: resampled, or moved inside the protected ends.
        rng : numpy.random.Generator
            Draws the place within ties and rounding cells, modes, and all that is resampled.

        Returns
        -------
        Encoded (n,)

        Raises
        ------
        SchemaError
            Where columns are missing or unknown.
        RejectColumn
            Where cells are not what a column's kind says.
        """
        self.schema.check(frame)
        n = len(frame)
        places = self._places
        encoded = Encoded(
            self.layout,
            np.zeros((n, places.continuous), dtype=np.float32),
            np.full((n, places.codes), -1, dtype=np.int32),
            np.zeros((n, places.bits), dtype=np.uint8),
        )
        together = {column: panel for panel, columns in enumerate(self.panels) for column in columns}
        for panel, columns in enumerate(self.panels):
            cells = [self._read(frame, index) for index in columns]
            exists = panel_present(cells)
            encoded.codes[:, places.present[panel]] = exists
            for index, held in zip(columns, cells, strict=True):
                self._put(encoded, index, encode_where(self.fitted[index], held, exists, rng))
        for index, fitted in enumerate(self.fitted):
            if index not in together and fitted.spans:
                self._put(encoded, index, encode_where(fitted, self._read(frame, index), None, rng))
        return encoded

    def decode(self, encoded: Encoded, rng: np.random.Generator, *, first_row: int = 0) -> pd.DataFrame:
        """Turn encoded rows back into a table, column order and dtypes as they were.

        Parameters
        ----------
        encoded : Encoded (n,)
            Rows of this encoder's layout.
        rng : numpy.random.Generator
            Draws the random bits of fresh identifiers.
        first_row : int, default 0
            Rows that were decoded before these ones, so that identifiers stay unique over chunks.

        Returns
        -------
        DataFrame (n, columns)
        """
        n = len(encoded)
        gone = {
            column: encoded.codes[:, self._places.present[panel]] != 1
            for panel, columns in enumerate(self.panels)
            for column in columns
        }
        series: dict[str, pd.Series[Any]] = {}
        # One column of a row-major matrix touches every cache line of it: turned once, columns lie together.
        turned = Encoded(self.layout, encoded.continuous.T.copy().T, encoded.codes.T.copy().T, encoded.bits)
        for index, (column, fitted) in enumerate(zip(self.schema.columns, self.fitted, strict=True)):
            cells = fitted.decode(self._get(turned, index), rng, first_row=first_row)
            if index in gone:
                cells = replace(cells, missing=gone[index])
            if isinstance(fitted, FittedIdentifier):
                column = replace(column, kind="identifier")
            series[column.name] = write_cells(cells, column)
        return pd.DataFrame(series, index=pd.RangeIndex(n), copy=False)

    def renumber(self, frame: pd.DataFrame, rng: np.random.Generator, *, first_row: int) -> pd.DataFrame:
        """Give decoded rows fresh identifiers, as if they had been decoded in one go from `first_row` on.

        Rows that come from several draws, or are what is left of one, would share identifiers or skip some.
        """
        made = {
            column.name: write_cells(
                fitted.decode(Block.of(len(frame)), rng, first_row=first_row),
                replace(column, kind="identifier"),
            ).set_axis(frame.index)
            for column, fitted in zip(self.schema.columns, self.fitted, strict=True)
            if isinstance(fitted, FittedIdentifier)
        }
        return frame.assign(**made)

    def to_state(self) -> State:
        """Return all that was learnt: JSON-ready facts, and arrays named by position of their column."""
        columns: list[dict[str, Any]] = []
        arrays: dict[str, Array] = {}
        names = {held: name for name, (held, _) in _TRANSFORMS.items()}
        for index, fitted in enumerate(self.fitted):
            facts, held = fitted.to_state()
            columns.append({"transform": names[type(fitted)], **facts})
            arrays |= {f"{index}.{name}": array for name, array in held.items()}
        facts = {
            "version": _STATE_VERSION,
            "schema": self.schema.to_dict(),
            "columns": columns,
            "panels": [list(panel) for panel in self.panels],
            "present": list(self.present),
            "notes": list(self.notes),
        }
        return facts, arrays

    @staticmethod
    def from_state(facts: dict[str, Any], arrays: dict[str, Array]) -> TableEncoder:
        """Rebuild what `to_state` gave.

        Raises
        ------
        ArtifactError
            Where the state was written by a release with another format.
        """
        if facts.get("version") != _STATE_VERSION:
            raise ArtifactError(
                f"the encoder's state is not of version {_STATE_VERSION}. Fit the model again"
            )
        fitted = []
        for index, held in enumerate(facts["columns"]):
            prefix = f"{index}."
            own = {
                name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)
            }
            _, restore = _TRANSFORMS[held["transform"]]
            fitted.append(restore(held, own))
        return TableEncoder(
            schema=Schema.from_dict(facts["schema"]),
            fitted=tuple(fitted),
            panels=tuple(tuple(panel) for panel in facts["panels"]),
            present=tuple(facts["present"]),
            notes=tuple(facts["notes"]),
        )

    def _read(self, frame: pd.DataFrame, index: int) -> Cells:
        column = self.schema.columns[index]
        return read_cells(frame[column.name], column)

    def _put(self, encoded: Encoded, index: int, block: Block) -> None:
        place = self._places.columns[index]
        encoded.continuous[:, place.continuous] = block.continuous
        encoded.codes[:, place.codes] = block.codes
        encoded.bits[:, place.bits] = block.bits

    def _get(self, encoded: Encoded, index: int) -> Block:
        place = self._places.columns[index]
        return Block(
            encoded.continuous[:, place.continuous],
            encoded.codes[:, place.codes],
            encoded.bits[:, place.bits],
        )


def fit_encoder(
    frame: pd.DataFrame, schema: Schema, *, config: TransformConfig, rng: np.random.Generator
) -> TableEncoder:
    """Learn how to encode a table; this is the only function here that reads it as a whole.

    Parameters
    ----------
    frame : DataFrame (n, columns)
        The rows that a model may learn from (never the hold-out).
    schema : Schema
        Their columns. Domains count as public only where they were declared; those that were read from the
        data are learnt again, with protection, and the encoder's own `schema` holds what was kept.
    config : TransformConfig
        Settings; its floors count patients.
    rng : numpy.random.Generator
        Draws one row of each patient where some have several, and serves the Gaussian mixture; the same one
        gives the same encoder.

    Returns
    -------
    TableEncoder

    Raises
    ------
    SchemaError
        Where the table's columns are not those of the schema.
    RejectColumn
        Where a column cannot be learnt: free text, too many categories, a rare class of the target.
    DataError
        Where no column holds anything to learn.
    """
    schema.check(frame)
    fitted: list[FittedColumn] = []
    learnt_missing: list[npt.NDArray[np.bool_] | None] = []
    notes: list[str] = []
    columns: list[Column] = []
    protected = _one_row_a_patient(frame, schema.group, rng)
    for column in schema.columns:
        held, missing, remarks = _fit_column(protected[column.name], column, config, rng)
        if missing is not None and protected is not frame:
            # What is missing together is told by all rows; whether enough patients share it, by theirs.
            missing = read_cells(frame[column.name], column).missing
        fitted.append(held)
        learnt_missing.append(missing)
        notes += remarks
        columns.append(_without_rare(column, held))
    if not any(held.spans for held in fitted) and all(mask is None for mask in learnt_missing):
        raise DataError(
            f"none of the {len(fitted)} columns holds anything to learn: they are constant, empty or "
            "identifiers. Give a table with values that vary"
        )
    panels = find_panels(learnt_missing)
    masks = [learnt_missing[panel[0]] for panel in panels]
    present = tuple(1.0 - float(mask.mean()) for mask in masks if mask is not None)
    return TableEncoder(replace(schema, columns=tuple(columns)), tuple(fitted), panels, present, tuple(notes))


def _one_row_a_patient(frame: pd.DataFrame, group: str | None, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one row of each patient, so that a floor on rows is a floor on patients."""
    if group is None or not frame[group].duplicated().any():
        return frame
    drawn = frame.iloc[rng.permutation(len(frame))]
    return drawn[~drawn[group].duplicated()].reset_index(drop=True)


def _fit_column(
    series: pd.Series[Any], column: Column, config: TransformConfig, rng: np.random.Generator
) -> tuple[FittedColumn, npt.NDArray[np.bool_] | None, tuple[str, ...]]:
    """Return a column as learnt, its missing cells where their pattern is learnt, and notes."""
    if column.kind == "identifier" or column.role in ("identifier", "group"):
        return fit_identifier(series, column), None, ()
    if column.kind == "text":
        raise RejectColumn(
            column.name,
            "free text is not learnt",
            "Drop the column, or declare it in the schema as categorical, codes or identifier",
        )
    cells = read_cells(series, column)
    floor = config.rare_floor
    presence = presence_of(cells.missing, floor=floor)
    gone = int(cells.missing.sum())
    named = f"column {column.name!r}: "
    if presence == "never":
        kept = len(cells) - gone
        note = (
            (f"{named}its {kept} values, fewer than {floor}, are left out: it stays empty",) if kept else ()
        )
        return fit_empty(cells, column), None, note
    notes = (f"{named}{gone} missing cells, fewer than {floor}, are resampled",) * (presence == "resampled")
    mask = cells.missing if presence == "sometimes" else None
    held = cells.present()
    if held.distinct() == 1:
        return fit_constant(held), mask, notes
    fitted, more = _FITS[column.kind](held, column, config, rng)
    return fitted, mask, notes + more


def _without_rare(column: Column, fitted: FittedColumn) -> Column:
    """Take out of a schema's column what was read from the data and not kept."""
    if column.bounds is not None and "bounds" not in column.declared:
        column = replace(column, bounds=None)
    if column.categories is None or "categories" in column.declared:
        return column
    kept = fitted.kept if isinstance(fitted, FittedCategorical | FittedOrdinal | FittedCodes) else ()
    if column.kind == "boolean" and len(kept) != 2:
        return replace(column, categories=None)
    return replace(column, categories=tuple(kept) or None)

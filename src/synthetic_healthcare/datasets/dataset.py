"""`Dataset`: a table with its schema and all that has to be said about it; `Recipe`: how it is come by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from synthetic_healthcare.schema.column import Category
from synthetic_healthcare.schema.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


@final
@dataclass(frozen=True)
class ColumnNote:
    """What a column means, and what its codes stand for.

    Labels of codes are for readers: the table and the schema hold the codes.
    """

    name: str
    meaning: str
    codes: tuple[tuple[Category, str], ...] = ()


@final
@dataclass(frozen=True)
class About:
    """What has to be said about a dataset beside its rows.

    Parameters
    ----------
    title, licence, citation, source : str
        For people; the source is the official place.
    notes : tuple of str
        What a careful user knows of it.
    warnings : tuple of str
        What makes figures computed on it wrong; `load` warns of them.
    dictionary : tuple of ColumnNote
        What the columns mean.
    datasheet : tuple of (question, answer)
        After Gebru et al. 2021, "Datasheets for datasets", doi:10.1145/3458723.
    """

    title: str
    licence: str
    citation: str
    source: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    dictionary: tuple[ColumnNote, ...] = ()
    datasheet: tuple[tuple[str, str], ...] = ()


@final
@dataclass(frozen=True)
class Dataset:
    """A table of patients, its schema and what has to be said about it.

    `generator.fit(dataset.data, schema=dataset.schema)` learns it.
    """

    name: str
    data: pd.DataFrame
    schema: Schema
    about: About


@final
@dataclass(frozen=True)
class RemoteFile:
    """An official file.

    Parameters
    ----------
    url : str
        Always https.
    name : str
        The file's name in the cache.
    largest : int
        Bytes; a longer answer is not the file.
    member : str or None
        Where the address is a zip: the file in it.
    sha256 : str or None
        Of the file that is kept. `None`: not known to this release; then number of rows, names and codes
        decide.
    """

    url: str
    name: str
    largest: int
    member: str | None = None
    sha256: str | None = None


@final
@dataclass(frozen=True)
class Recipe:
    """The facts of one dataset, in one place.

    Parameters
    ----------
    name : str
        What it is asked for by.
    about : About
        Licence, citation and the rest.
    read : callable
        Path -> the table, in the schema's columns and dtypes. `None` as path: it ships with a dependency.
    schema : Schema or None
        `None`: made from the tables when they are read.
    rows : int
        Rows of the official table.
    columns : tuple of str
        Its columns, in order.
    content : str
        `content_digest` of the table, from a copy.
    remote : RemoteFile or None
        The official file, where it can be fetched without an account.
    local : str or None
        Where it lies in the folder that SYNTHETIC_HEALTHCARE_DATA names.
    """

    name: str
    about: About
    read: Callable[[Path | None], pd.DataFrame]
    schema: Schema | None
    rows: int
    columns: tuple[str, ...]
    content: str = ""
    remote: RemoteFile | None = None
    local: str | None = None


def content_digest(frame: pd.DataFrame) -> str:
    """SHA-256 of the numbers of a table, whatever the order of its rows, their dtype and their spelling.

    The rows' float64 bytes are sorted and hashed after the columns' names, so that two files that hold the
    same numbers agree, and two tables that differ in one cell do not.
    """
    import numpy as np

    numeric = frame.select_dtypes("number")
    values = np.ascontiguousarray(numeric.to_numpy(dtype="float64", na_value=np.nan) + 0.0)
    # One bit pattern for all missing values; adding zero did the same for the two zeros.
    values[np.isnan(values)] = np.nan
    rows = np.sort(values.view(f"V{values.shape[1] * 8}").ravel()) if values.size else values
    digest = hashlib.sha256("\x1f".join(map(str, numeric.columns)).encode())
    digest.update(rows.tobytes())
    return digest.hexdigest()

"""What a column of strings is: dates, numbers, codes, categories, identifiers or free text."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from synthetic_healthcare.schema import vocabulary
from synthetic_healthcare.schema.column import Category, Kind
from synthetic_healthcare.schema.instants import scan_datetimes
from synthetic_healthcare.schema.parsing import count_decimals, scan_numbers

FEW_DISTINCT: Final = 10
_DELIMITERS: Final[tuple[str, ...]] = (";", "|", ",")
#: A code in a comma-separated cell has no spaces inside.
_BARE_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+*-]{0,39}")
_LEADING_ZERO: Final = re.compile(r"[+-]?0\d")
_OTHER_DATE: Final = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{4}/\d{1,2}/\d{1,2}")
#: Two readings in one cell, as blood pressures are written: "120/80".
_TWO_NUMBERS: Final = re.compile(r"\s*\d+(?:\.\d+)?\s*/\s*\d+(?:\.\d+)?\s*")
_LONG_TEXT_WORDS: Final = 6


@dataclass(frozen=True)
class Finding:
    """What the data say of one column.

    Parameters
    ----------
    kind : Kind
        How it is learnt.
    reason : str
        Why, in one line without cell values.
    categories, decimals, delimiter
        As in `Column`.
    repeats : bool
        For an identifier: whether some value stands in several rows.
    """

    kind: Kind
    reason: str
    categories: tuple[Category, ...] | None = None
    decimals: int | None = None
    delimiter: str | None = None
    repeats: bool = False


def named_identifier(name: str, distinct: int, rows: int) -> Finding | None:
    """Return the finding for a column whose name is that of an identifier, `None` where it is not.

    A few distinct values are codes of sites or visits rather than identifiers, and may be learnt; a
    patient's own id never is.
    """
    repeats = distinct < rows
    if vocabulary.names_patient(name) and distinct > 1:
        return Finding("identifier", "named like a patient's id", repeats=repeats)
    if distinct <= FEW_DISTINCT:
        return None
    if vocabulary.names_person(name):
        return Finding("identifier", "its name is that of a direct identifier", repeats=repeats)
    if vocabulary.names_identifier(name):
        return Finding(
            "identifier", "named like an id; declare another kind to have it learnt", repeats=repeats
        )
    return None


def find_strings(present: pd.Series[Any]) -> Finding:
    """Decide on a column of strings, missing ones left out."""
    name, n = str(present.name), len(present)
    if not n:
        return Finding("categorical", "all values are missing: it stays empty")
    counts: Counter[str] = Counter(present.astype(object).tolist())
    distinct = len(counts)
    if _starts_like_dates(counts) and scan_datetimes(pd.Series(list(counts), dtype=object))[1] == 0:
        return Finding("datetime", "strings that are all ISO dates" + ("; constant" if distinct == 1 else ""))
    named = named_identifier(name, distinct, n)
    if named is not None:
        return named
    if distinct == 1:
        return Finding("categorical", "constant text")
    numeric = _find_numeric_text(counts, present)
    if numeric is not None:
        return numeric
    if distinct == 2:
        return Finding("boolean", "two distinct values", categories=tuple(sorted(counts)))
    delimiter = _find_delimiter(counts)
    if delimiter is not None:
        return Finding(
            "codes", f"codes separated by {delimiter!r} that come back in other rows", delimiter=delimiter
        )
    return _find_words(counts, n)


def _find_numeric_text(counts: Counter[str], present: pd.Series[Any]) -> Finding | None:
    """Return the finding for strings that all are numbers or limits of detection, otherwise `None`."""
    if any(_LEADING_ZERO.match(cell.strip()) and "." not in cell for cell in counts):
        return None  # "00501" is a postal code or another code: its zeros would be lost
    cells = pd.Series(list(counts), dtype=object)
    parsed, unread = scan_numbers(cells)
    plain = parsed.values[parsed.limits == 0]
    if unread or not len(plain):
        return None
    decimals = count_decimals(plain)
    if (parsed.limits != 0).any() and len(plain) > 1:
        below = sum(counts[cell] for cell, limit in zip(cells, parsed.limits, strict=True) if limit < 0)
        above = sum(counts[cell] for cell, limit in zip(cells, parsed.limits, strict=True) if limit > 0)
        reason = f"numbers written as text, {below} below and {above} above a limit of detection"
        return Finding("numeric", reason, decimals=decimals)
    if len(counts) <= FEW_DISTINCT:
        return None
    kind: Kind = "integer" if decimals == 0 else "numeric"
    return Finding(kind, "numbers written as text", decimals=decimals)


def _find_delimiter(counts: Counter[str]) -> str | None:
    """Return what separates codes in the cells, `None` where the cells are no sets of codes.

    Cells hold codes where at least 2 % of them (and two distinct ones) have the delimiter, all parts look
    like codes, their number varies, and most parts stand in more than one distinct cell: codes combine
    freely, whereas the halves of a category ("Yes, often") or of a name ("Smith, Jane") do not.
    """
    rows = sum(counts.values())
    for delimiter in _DELIMITERS:
        holders = [cell for cell in counts if delimiter in cell]
        if len(holders) < 2 or sum(counts[cell] for cell in holders) < 0.02 * rows:
            continue
        split = [[part.strip() for part in cell.split(delimiter)] for cell in counts]
        parts = Counter(part for cell in split for part in set(cell) if part)
        spaced = any(f"{delimiter} " in cell for cell in holders)
        if len({len(cell) for cell in split}) == 1 or not all(
            _is_code(part, delimiter, spaced) for part in parts
        ):
            continue
        shared = sum(times for times in parts.values() if times > 1)
        if shared * 2 >= sum(parts.values()):
            return delimiter
    return None


def _is_code(part: str, delimiter: str, spaced: bool) -> bool:
    """Whether a part of a cell looks like a code; between commas, which prose has too, more strictly."""
    if delimiter == ",":
        bare = _BARE_CODE.fullmatch(part) is not None
        return bare and (not spaced or any(sign.isdigit() for sign in part))
    return len(part) <= 60 and len(part.split()) <= 5


def _find_words(counts: Counter[str], rows: int) -> Finding:
    """Decide between categories, identifiers and free text."""
    distinct = len(counts)
    words = sum(len(cell.split()) * times for cell, times in counts.items()) / rows
    spaceless = sum(times for cell, times in counts.items() if " " not in cell.strip() and len(cell) <= 64)
    few = distinct <= FEW_DISTINCT and (distinct * 2 <= rows or rows < 20)
    if few or (distinct * 2 <= rows and words <= _LONG_TEXT_WORDS):
        return Finding("categorical", f"text with {distinct} distinct values" + _numbers_among(counts, rows))
    if _OTHER_DATE.match(next(iter(counts)).strip()):
        return Finding("text", "looks like dates that are not ISO 8601; convert with pandas.to_datetime")
    if all(_TWO_NUMBERS.fullmatch(cell) for cell in counts):
        return Finding("text", "two numbers in each cell; split it into two columns to have them learnt")
    if distinct >= 0.9 * rows and spaceless >= 0.9 * rows:
        repeats = distinct < rows
        return Finding("identifier", "short strings, nearly all distinct", repeats=repeats)
    return Finding(
        "text", f"free text: {distinct} distinct values in {rows} rows, {words:.0f} words on average"
    )


def _numbers_among(counts: Counter[str], rows: int) -> str:
    """Return a remark where most cells are numbers: the others may stand for missing values."""
    if len(counts) <= FEW_DISTINCT:
        return ""
    _, unread = scan_numbers(pd.Series(list(counts), dtype=object))
    if unread * 10 > len(counts):
        return ""
    return f"; all but {unread} of these are numbers: if the others mean missing, empty them to have numbers"


def _starts_like_dates(counts: Counter[str]) -> bool:
    """Whether the first cells start with a year, so that it is worth reading all as dates."""
    return all(re.match(r"\s*\d{4}-\d{2}-\d{2}", cell) for _, cell in zip(range(5), counts, strict=False))

"""What models of noisy counts decide before they ask: the bins of numbers, and who stands in the middle."""

from __future__ import annotations

from typing import Final

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import CountSource
from synthetic_healthcare.schema.variables import Domain

#: Bins of a number: this many for each root of the rows that stand against one deviation of noise.
_BINS: Final = 2.0
_FEWEST_BINS, _MOST_BINS = 4, 32


def bins_for(counts: CountSource, tables: int) -> int:
    """Return how many bins a number gets where so many tables are measured at once; reads no row."""
    signal = counts.rows / counts.deviation(max(tables, 1), 1.0)
    return int(min(max(round(_BINS * signal**0.5), _FEWEST_BINS), _MOST_BINS))


def centre_of(domain: Domain, target: str | None) -> int | None:
    """Find the variable of the target.

    Raises
    ------
    ConfigError
        The column is not learnt, or is a set of codes; it is named.
    """
    if target is None:
        return None
    found = domain.of_column(target)
    if not found:
        raise ConfigError(
            f"target: column {target!r} is not among the columns that are learnt (misspelt, or it is constant "
            "or an identifier). Name another column, or none"
        )
    variables = [domain.variables[index] for index in found]
    if any(domain.layout.parts[v.parts[0]].kind == "bits" for v in variables):
        raise ConfigError(
            f"target: column {target!r} holds sets of codes, and a target is one value a row. Name another "
            "column, or none"
        )
    # Where a column is several variables, the one with most states says most of it.
    return max(found, key=lambda index: domain.variables[index].states)

"""What models of noisy counts decide before they ask: the bins of numbers, and who stands in the middle."""

from __future__ import annotations

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import CountSource
from synthetic_healthcare.schema.variables import Domain

_FEWEST_BINS, _MOST_BINS = 4, 32
#: Cells of the matrix of all tables of pairs, and tables that are measured, at most: a fit takes minutes with
#: more, and noise for so many cells takes seconds.
_MOST_CELLS, _MOST_PAIRS = 1_000_000, 10_000


def signal_of(counts: CountSource, tables: int) -> float:
    """Return how many rows stand against one deviation of the noise of so many tables; reads no row."""
    return counts.rows / counts.deviation(max(tables, 1), 1.0)


def bins_for(signal: float, per_root: float) -> int:
    """Return how many bins a number gets: so many for each root of the signal."""
    return int(min(max(round(per_root * signal**0.5), _FEWEST_BINS), _MOST_BINS))


def active_variables(domain: Domain, centre: int | None) -> tuple[int, ...]:
    """Choose the variables of which pairs are measured: all, or as many as make few enough cells.

    The centre comes first, then what is no code, then codes, each as they stand in the table: nothing of it
    is read off rows.
    """

    def order(index: int) -> tuple[bool, bool, int]:
        kind = domain.layout.parts[domain.variables[index].parts[0]].kind
        return index != centre, kind == "bits", index

    total = sum(variable.states for variable in domain.variables)
    chosen: list[int] = []
    states = 0
    for index in sorted(range(len(domain.variables)), key=order):
        states += domain.variables[index].states
        pairs = len(chosen) * (len(chosen) + 1) // 2
        # The matrix has a row for each of these states, and a column for each of all.
        if chosen and (states * total > _MOST_CELLS or pairs > _MOST_PAIRS):
            break
        chosen.append(index)
    return tuple(sorted(chosen))


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
            f"target: column {target!r} is not among the columns that are learnt (misspelt, or it is "
            "constant or an identifier). Name another column, or none"
        )
    variables = [domain.variables[index] for index in found]
    if any(domain.layout.parts[v.parts[0]].kind == "bits" for v in variables):
        raise ConfigError(
            f"target: column {target!r} holds sets of codes, and a target is one value a row. Name another "
            "column, or none"
        )
    # Where a column is several variables, the one with most states says most of it.
    return max(found, key=lambda index: domain.variables[index].states)

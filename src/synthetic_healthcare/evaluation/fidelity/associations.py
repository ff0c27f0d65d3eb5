"""How strongly each two columns go together, for tables of numbers, levels and codes alike.

All associations come from one weighted cross-product of the table, so that a bootstrap resample costs one
matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.views import MISSING, Array, Field, View

Matrix = npt.NDArray[np.float64]

#: Levels told apart in an association; rarer ones are taken together.
_MAX_LEVELS: Final = 12
#: Codes of a set that take part, commonest first.
_MAX_CODES: Final = 20
#: A column's missingness takes part where at least this share of the real rows lacks it, and as many do not.
_MIN_MISSING: Final = 0.01


@final
@dataclass(frozen=True)
class Variable:
    """What takes part in the associations: a column, one code of a set, or whether a value is there."""

    name: str
    column: str
    form: str
    code: int = 0


@final
@dataclass(frozen=True)
class Design:
    """A table written out for cross-products: ranks, their squares and presence, then one-hot blocks."""

    matrix: Matrix
    numbers: int
    blocks: Matrix


def variables_of(fields: tuple[Field, ...], real: View) -> tuple[Variable, ...]:
    """Choose what takes part, from the fields and one real table."""
    chosen = [Variable(field.name, field.name, "number") for field in fields if field.form == "number"]
    for field in fields:
        values = real.values[field.name]
        if field.form == "level":
            chosen.append(Variable(field.name, field.name, "level"))
        elif field.form == "bits":
            chosen += [
                Variable(f"{field.name} [{code + 1}]", field.name, "bit", code)
                for code in range(min(field.known, _MAX_CODES))
            ]
        elif _MIN_MISSING <= np.isnan(values).mean() <= 1 - _MIN_MISSING:
            chosen.append(Variable(f"{field.name} (missing)", field.name, "missing"))
    return tuple(chosen)


def design(variables: tuple[Variable, ...], values: Mapping[str, Array]) -> Design:
    """Write a table out for cross-products."""
    from scipy.stats import rankdata

    ranks, presence, blocks, owners = [], [], [], []
    place = 0
    for variable in variables:
        column = values[variable.column]
        if variable.form == "number":
            here = ~np.isnan(column)
            rank = np.zeros(len(column))
            if here.any():
                # Centred and scaled to [-0.5, 0.5]: correlations of ranks do not change, sums stay exact.
                rank[here] = (rankdata(column[here]) - (here.sum() + 1) / 2) / here.sum()
            ranks.append(rank)
            presence.append(here.astype(np.float64))
            continue
        codes = _codes(variable, column)
        block = np.eye(int(codes.max()) + 1)[codes]
        blocks.append(block)
        owners += [place] * block.shape[1]
        place += 1
    rows = len(next(iter(values.values())))
    number = np.array(ranks).T.reshape(rows, len(ranks))
    present = np.array(presence).T.reshape(rows, len(ranks))
    onehot = np.concatenate(blocks, axis=1) if blocks else np.zeros((rows, 0))
    return Design(
        np.concatenate([number, number**2, present, onehot], axis=1),
        len(ranks),
        np.eye(place)[owners] if owners else np.zeros((0, place)),
    )


def _codes(variable: Variable, column: Array) -> npt.NDArray[np.int64]:
    if variable.form == "bit":
        return column[:, variable.code].astype(np.int64)
    if variable.form == "missing":
        return np.isnan(column).astype(np.int64)
    return np.where(column == MISSING, 0, 1 + np.minimum(column, _MAX_LEVELS))


def associations(table: Design, weights: Matrix) -> Matrix:
    """Association of each two variables under each of B row weightings.

    Number with number: Spearman's rank correlation, signed, over the rows that have both. Level with level:
    Cramer's V, bias-corrected. Number with level: correlation ratio of the ranks. Ranks are those of the
    whole table under every weighting.

    Parameters
    ----------
    table : Design
        The table, n rows.
    weights : float64 array (B, n)
        Row weights.

    Returns
    -------
    float64 array (B, v, v)
        Symmetric, ones on the diagonal; numbers first. 0 where a variable is constant.

    Source: Bergsma 2013, doi:10.1016/j.jkss.2012.10.002 (corrected Cramer's V).
    """
    size = table.numbers + table.blocks.shape[1]
    result = np.empty((len(weights), size, size))
    for row, weight in enumerate(weights):
        used = weight > 0
        scaled = table.matrix[used] * weight[used, None]
        result[row] = _from_products(table, scaled.T @ table.matrix[used], float(weight.sum()))
    return result


def _from_products(table: Design, products: Matrix, rows: float) -> Matrix:
    p = table.numbers
    rank, square, here = slice(0, p), slice(p, 2 * p), slice(2 * p, 3 * p)
    levels = slice(3 * p, None)
    size = p + table.blocks.shape[1]
    result = np.eye(size)
    result[:p, :p] = _spearman(
        products[rank, rank], products[square, here], products[rank, here], products[here, here]
    )
    ratio = _correlation_ratio(
        products[rank, levels], products[square, levels], products[here, levels], table.blocks
    )
    result[:p, p:], result[p:, :p] = ratio, ratio.T
    result[p:, p:] = _cramer(products[levels, levels], table.blocks, rows)
    np.fill_diagonal(result, 1.0)
    return result


def _spearman(products: Matrix, squares: Matrix, sums: Matrix, counts: Matrix) -> Matrix:
    n = np.maximum(counts, 1.0)
    covariance = products - sums * sums.T / n
    variance = squares - sums**2 / n
    scale = np.sqrt(np.maximum(variance, 0.0) * np.maximum(variance.T, 0.0))
    varied = scale > 1e-12
    correlation = np.where(varied, covariance / np.where(varied, scale, 1.0), 0.0)
    return np.asarray(correlation.clip(-1.0, 1.0))


def _correlation_ratio(sums: Matrix, squares: Matrix, counts: Matrix, blocks: Matrix) -> Matrix:
    n = np.maximum(counts @ blocks, 1.0)
    correction = (sums @ blocks) ** 2 / n
    between = np.where(counts > 0, sums**2 / np.where(counts > 0, counts, 1.0), 0.0) @ blocks - correction
    total = squares @ blocks - correction
    varied = total > 1e-12
    share = np.where(varied, between / np.where(varied, total, 1.0), 0.0)
    return np.asarray(np.sqrt(share.clip(0.0, 1.0)))


def _cramer(products: Matrix, blocks: Matrix, rows: float) -> Matrix:
    counts = np.diag(products)
    filled = counts > 0
    expected = np.outer(counts, counts)
    cells = np.where(expected > 0, products**2 / np.where(expected > 0, expected, 1.0), 0.0)
    squared = (blocks.T @ cells @ blocks - 1.0).clip(0.0)
    levels = blocks.T @ filled
    freedom = np.outer(levels - 1, levels - 1)
    reduced = levels - (levels - 1) ** 2 / max(rows - 1, 1.0)
    smaller = np.minimum.outer(reduced, reduced) - 1.0
    corrected = np.maximum(0.0, squared - freedom / max(rows - 1, 1.0))
    varied = smaller > 1e-12
    strength = np.sqrt(np.where(varied, corrected / np.where(varied, smaller, 1.0), 0.0))
    return np.asarray(strength.clip(0.0, 1.0))

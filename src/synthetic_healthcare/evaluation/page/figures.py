"""`collect`: the plain data behind the pictures of a report.

Everything here is computed from real rows; the report that holds it is confidential. Counts of real patients
are protected (see `distributions`), projected points are not: each stands for one patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_healthcare.evaluation.page import distributions
from synthetic_healthcare.evaluation.page.curves import curves
from synthetic_healthcare.evaluation.page.projection import project
from synthetic_healthcare.evaluation.views import label_of, spelled
from synthetic_healthcare.schema.column import Column

if TYPE_CHECKING:
    import pandas as pd

    from synthetic_healthcare.evaluation.fidelity.associations import Variable
    from synthetic_healthcare.evaluation.views import Field, View
    from synthetic_healthcare.schema.schema import Schema

Floats = npt.NDArray[np.float64]

#: Columns that an association matrix can be read with.
MOST_ASSOCIATED: Final = 40
#: Rows that the associations and the projection read: a correlation's standard error is 1.4 % by then.
_MOST_ROWS: Final = 5000


def collect(
    synthetic: pd.DataFrame,
    real: pd.DataFrame,
    *,
    schema: Schema,
    rng: np.random.Generator,
    history: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Gather what the report's pictures show, as plain data for JSON.

    Parameters
    ----------
    synthetic, real : DataFrame (m, p), (n, p)
        The two tables; both have the judged columns of the schema.
    schema : Schema
        What the columns are. Identifiers, patient columns and text are left out.
    rng : numpy.random.Generator
        Chooses the rows that are associated and projected, where there are many.
    history : Mapping or None
        The training curves, in any shape that `curves.curves` reads.

    Returns
    -------
    dict
        `rows` a side, `floor`, `columns` (a distribution each, in the schema's order), `associations` (names,
        real, synthetic, difference; or `None`), `projection` (or `None`) and `training` (curves).

    Raises
    ------
    EvaluationError
        Where a column cannot be read as its kind.
    """
    from synthetic_healthcare.evaluation.encoding import fit_encoder
    from synthetic_healthcare.evaluation.views import judged_columns, read_tables

    fields, (made, held) = read_tables([synthetic, real], schema)
    judged = {column.name for column in judged_columns(schema)[0]}
    columns = [
        _describe(column, (real[column.name], synthetic[column.name]), (held, made))
        for column in schema.columns
        if column.name in judged
    ]
    held, made = _some(held, rng), _some(made, rng)
    encoder = fit_encoder(fields, [held])
    return {
        "rows": {"real": len(real), "synthetic": len(synthetic)},
        "floor": distributions.FLOOR,
        "columns": columns,
        "associations": _associations(fields, held, made, schema.target),
        "projection": project(encoder.encode(held), encoder.encode(made), rng=rng),
        "training": curves(history),
    }


def _some(view: View, rng: np.random.Generator) -> View:
    if view.rows <= _MOST_ROWS:
        return view
    return view.take(np.sort(rng.choice(view.rows, _MOST_ROWS, replace=False)))


def _describe(
    column: Column, series: tuple[pd.Series[Any], pd.Series[Any]], views: tuple[View, View]
) -> dict[str, Any]:
    """Describe one column; both pairs have the real side first."""
    real, synthetic = (view.values[column.name] for view in views)
    missing = [int(side.isna().sum()) for side in series]
    if column.kind == "codes":
        shape = _codes(column, series)
    elif real.dtype.kind == "f":
        missing = [int(np.isnan(side).sum()) for side in (real, synthetic)]
        shape = _numbers(column, real, synthetic)
    else:
        shape = _levels(column, series)
    rows = [len(side) for side in series]
    return {
        "name": column.name,
        "kind": column.kind,
        "role": column.role,
        "unit": column.unit,
        **shape,
        "gap": distributions.gap(shape),
        "missing": distributions.missing_shares(missing[0], rows[0], missing[1], rows[1]),
    }


def _numbers(column: Column, real: Floats, synthetic: Floats) -> dict[str, Any]:
    known_real, known_synthetic = real[np.isfinite(real)], synthetic[np.isfinite(synthetic)]
    scale = {"datetime": "date", "integer": "integer"}.get(column.kind, "numeric")
    return distributions.histogram(known_real, known_synthetic, scale=scale)


def _levels(column: Column, series: tuple[pd.Series[Any], pd.Series[Any]]) -> dict[str, Any]:
    import pandas as pd

    # Two spellings of one value (1, 1.0, True) are one category, shown as the real table writes it.
    spelling: dict[str, str] = {}
    for value in column.categories or ():
        spelling.setdefault(label_of(value), spelled(value))
    sides = []
    for side in series:
        codes, values = pd.factorize(side)
        names = [spelling.setdefault(label_of(value), spelled(value)) for value in values]
        sides.append([names[code] for code in codes.tolist() if code >= 0])
    order = [spelling[label_of(value)] for value in column.categories or ()]
    in_order = column.kind in ("ordinal", "boolean") and bool(order)
    return distributions.bars(*sides, order=order if in_order else None)


def _codes(column: Column, series: tuple[pd.Series[Any], pd.Series[Any]]) -> dict[str, Any]:
    from synthetic_healthcare.schema.parsing import parse_codes

    held, made = (
        [codes for codes in parse_codes(side, column.delimiter) if codes is not None] for side in series
    )
    return distributions.code_bars(held, made)


def _associations(
    fields: tuple[Field, ...], held: View, made: View, target: str | None
) -> dict[str, Any] | None:
    from synthetic_healthcare.evaluation.fidelity.associations import associations, design, variables_of

    found = variables_of(fields, held)
    variables = _readable(found, target)
    if len(variables) < 2:
        return None
    real, synthetic = (
        associations(design(variables, view.values), np.ones((1, view.rows)))[0] for view in (held, made)
    )
    order = _alike_together(np.abs(real))
    real, synthetic = real[np.ix_(order, order)], synthetic[np.ix_(order, order)]
    # A correlation that changed its sign is as far off as it went, though it may be as strong as before.
    direction = np.where(np.abs(synthetic) >= np.abs(real), 1.0, -1.0)
    return {
        "names": [variables[place].name for place in order],
        "left_out": len(found) - len(variables),
        "real": np.round(real, 3).tolist(),
        "synthetic": np.round(synthetic, 3).tolist(),
        "difference": np.round(direction * np.abs(synthetic - real), 3).tolist(),
    }


def _readable(variables: tuple[Variable, ...], target: str | None) -> tuple[Variable, ...]:
    """Choose what the matrices have room for, the target always among them; numbers stay first."""
    if len(variables) <= MOST_ASSOCIATED:
        return variables
    # The target, then whole columns, then single codes and patterns of missing values.
    partial = [variable.form not in ("number", "level") for variable in variables]
    wanted = sorted(
        range(len(variables)), key=lambda place: (variables[place].column != target, partial[place], place)
    )
    chosen = {variables[place] for place in wanted[:MOST_ASSOCIATED]}
    return tuple(variable for variable in variables if variable in chosen)


def _alike_together(strength: Floats) -> list[int]:
    """Order columns so that those that go together stand together (average linkage)."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = np.clip(1.0 - (strength + strength.T) / 2, 0.0, 1.0)
    np.fill_diagonal(apart, 0.0)
    if len(apart) < 3:
        return list(range(len(apart)))
    order: list[int] = leaves_list(linkage(squareform(apart), "average", optimal_ordering=True)).tolist()
    return order

"""`Column`: what is known of one column, and where that knowledge comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal[
    "numeric", "integer", "categorical", "ordinal", "boolean", "datetime", "codes", "identifier", "text"
]
Role = Literal["feature", "target", "quasi", "sensitive", "identifier", "group"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ROLES: Final[tuple[Role, ...]] = get_args(Role)
CONTINUOUS_KINDS: Final[frozenset[Kind]] = frozenset({"numeric", "integer", "datetime"})
DISCRETE_KINDS: Final[frozenset[Kind]] = frozenset({"categorical", "ordinal", "boolean"})
#: Kinds that no model learns: identifiers are made afresh, text is refused.
UNLEARNT_KINDS: Final[frozenset[Kind]] = frozenset({"identifier", "text"})

Category = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of patients.

    Parameters
    ----------
    name : str
        The column's name, as in the table.
    kind : Kind
        How its values are learnt.
    role : Role, default "feature"
        What the column is for; `group` names the patient where a patient has several rows.
    dtype : str
        The pandas dtype (as `str(series.dtype)`) that the column had and gets back.
    nullable : bool, default True
        Whether a value may be missing.
    unit : str or None
        Unit of measurement, free text (`"mg/dL"`).
    bounds : (float, float) or None
        Plausible range of numbers, both ends allowed; for dates, seconds since 1970-01-01 UTC.
    categories : tuple or None
        Allowed values of a categorical, ordinal (lowest first), boolean or codes column. `None`: learnt.
    decimals : int or None
        Decimals that values are written with; `None`: learnt. 0 for an integer column.
    delimiter : str or None
        For codes held in one string: what separates them. `None`: the cells are lists or sets.
    declared : frozenset of str
        Names of the fields above that the user declared (public); the others were read from the data.
    reason : str
        One line on why the kind and role were chosen.
    """

    name: str
    kind: Kind
    role: Role = "feature"
    dtype: str = "object"
    nullable: bool = True
    unit: str | None = None
    bounds: tuple[float, float] | None = None
    categories: tuple[Category, ...] | None = None
    decimals: int | None = None
    delimiter: str | None = None
    declared: frozenset[str] = frozenset()
    reason: str = ""

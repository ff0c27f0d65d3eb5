"""`Schema`: the columns of a table of patients, what is known of each, and how to read and override it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, final

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.schema.column import Category, Column, Kind, Role
from synthetic_healthcare.schema.derived import Band, DerivedColumn, derived_from_dict
from synthetic_healthcare.schema.rules import check_column, check_columns, check_derived
from synthetic_healthcare.schema.spelling import nearest, unknown
from synthetic_healthcare.schema.time_to_event import (
    TimeToEvent,
    check_time_to_event,
    time_to_event_from_dict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd


class ColumnChanges(TypedDict, total=False):
    """Fields of a `Column` that a user may declare."""

    kind: Kind
    role: Role
    dtype: str
    nullable: bool
    unit: str | None
    bounds: tuple[float, float] | None
    categories: tuple[Category, ...] | None
    decimals: int | None
    delimiter: str | None


@final
@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

    Parameters
    ----------
    columns : tuple of Column
        In the table's order; names are unique, at most one has the role `target` and one `group`.
    derived : tuple of DerivedColumn
        Names for bands of columns, which conditions may use; the table does not hold them.
    time_to_event : TimeToEvent, optional
        Which columns hold a time of follow-up and whether the event happened by then.

    Attributes
    ----------
    names : tuple of str
        The columns' names.
    target : str or None
        Name of the column that a user of the data would predict.
    group : str or None
        Name of the column that says which patient a row belongs to.

    Raises
    ------
    SchemaError
        Where columns contradict themselves or each other.

    Examples
    --------
    >>> schema = Schema((Column("age", "integer", "quasi"), Column("died", "boolean")))
    >>> schema.with_target("died").target
    'died'
    >>> schema.with_column("age", unit="years", bounds=(0, 120))["age"].declared == {"unit", "bounds"}
    True
    """

    columns: tuple[Column, ...]
    derived: tuple[DerivedColumn, ...] = ()
    time_to_event: TimeToEvent | None = None
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    target: str | None = field(init=False, repr=False, compare=False)
    group: str | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_columns(self.columns)
        check_derived(self.derived, self.columns)
        check_time_to_event(self.time_to_event, self.columns)
        targets = [column.name for column in self.columns if column.role == "target"]
        groups = [column.name for column in self.columns if column.role == "group"]
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))
        object.__setattr__(self, "target", targets[0] if targets else None)
        object.__setattr__(self, "group", groups[0] if groups else None)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(unknown("column", name, self.names))

    def of_role(self, role: Role) -> tuple[Column, ...]:
        """Return the columns that have a role."""
        return tuple(column for column in self.columns if column.role == role)

    def of_kind(self, *kinds: Kind) -> tuple[Column, ...]:
        """Return the columns of any of the given kinds."""
        return tuple(column for column in self.columns if column.kind in kinds)

    def with_target(self, name: str) -> Schema:
        """Return the schema with `name` as its target; a former target becomes a feature.

        Raises
        ------
        SchemaError
            Where there is no such column (the nearest names are given), or it cannot be predicted.
        """
        self[name]
        columns = (
            replace(column, role="feature", declared=column.declared - {"role"})
            if column.role == "target" and column.name != name
            else column
            for column in self.columns
        )
        return replace(self, columns=tuple(columns)).with_column(name, role="target")

    def with_column(self, name: str, **changes: Unpack[ColumnChanges]) -> Schema:
        """Return the schema with fields of one column declared by the user.

        Parameters
        ----------
        name : str
            An existing column.
        **changes
            Fields of `Column` and their new values; they are marked as declared.

        Raises
        ------
        SchemaError
            Where there is no such column or field, or the change contradicts itself.
        """
        column = self[name]
        for key in changes:
            if key not in ColumnChanges.__annotations__:
                raise SchemaError(f"column {name!r}: " + unknown("field", key, ColumnChanges.__annotations__))
        if "kind" in changes and changes["kind"] != column.kind:
            column = _without_inferred_facts(column, changes["kind"])
        changed = replace(column, **changes, declared=column.declared | set(changes))
        if "kind" in changes or "role" in changes:
            changed = replace(changed, reason=f"declared as {changed.kind}, {changed.role}")
        check_column(changed)
        columns = tuple(changed if old.name == name else old for old in self.columns)
        return replace(self, columns=columns)

    def with_derived(self, name: str, *, source: str, bands: Mapping[str, Band]) -> Schema:
        """Return the schema with names for bands of a column, which conditions may then use.

        Parameters
        ----------
        name : str
            What to call it ("age_group").
        source : str
            The numeric column it is read from.
        bands : Mapping of str to (low, high)
            Label -> band, both ends included, `None` for no end: `{"65+": (65, None)}`.

        Raises
        ------
        SchemaError
            The source is unknown or no number, or the name is taken.
        """
        made = DerivedColumn(name, source, tuple(bands.items()))
        return replace(self, derived=(*(each for each in self.derived if each.name != name), made))

    def with_time_to_event(self, time: str, *, event: str, happened: Category = 1) -> Schema:
        """Return the schema with the columns of a time to an event, which survival is judged by.

        Parameters
        ----------
        time : str
            Length of follow-up, a numeric or integer column.
        event : str
            Says whether the event ended it.
        happened : str, int, float or bool, default 1
            Its value where the event happened.

        Raises
        ------
        SchemaError
            A column is unknown, or is not of a kind that can say it.
        """
        return replace(self, time_to_event=TimeToEvent(time, event, happened))

    def check(self, frame: pd.DataFrame) -> None:
        """Compare with a table's columns (their order does not matter).

        Raises
        ------
        SchemaError
            Naming the columns that are missing from the table and those that the schema does not know.
        """
        present = [str(name) for name in frame.columns]
        missing = [name for name in self.names if name not in set(present)]
        extra = [name for name in present if name not in set(self.names)]
        problems = []
        for name in missing:
            alike = nearest(name, extra, at_most=1)
            problems.append(f"{name!r} is missing" + (f" (is it {alike[0]!r}?)" if alike else ""))
        problems.extend(f"{name!r} is not in the schema" for name in extra)
        if problems:
            raise SchemaError(
                f"the table's columns differ from the schema: {'; '.join(problems[:10])}"
                + (f"; and {len(problems) - 10} more" if len(problems) > 10 else "")
                + ". Rename or add columns in the table, or infer the schema from this table"
            )

    @staticmethod
    def infer(frame: pd.DataFrame, *, target: str | None = None) -> Schema:
        """Read a schema from a table; see `schema.infer.infer` for the rules."""
        from synthetic_healthcare.schema.infer import infer

        return infer(frame, target=target)

    def explain(self) -> str:
        """Return one readable line a column: its kind, its role and why."""
        widest = max((len(name) for name in self.names), default=0)
        lines = []
        for column in self.columns:
            what = f"{column.kind}, {column.role}"
            declared = f" [declared: {', '.join(sorted(column.declared))}]" if column.declared else ""
            lines.append(f"{column.name:<{widest}}  {what:<22}  {column.reason}{declared}".rstrip())
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        from synthetic_healthcare.schema.files import schema_to_dict

        return schema_to_dict(self.columns, self.derived, time_to_event=self.time_to_event)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Schema:
        """Rebuild what `to_dict` gave; unknown keys raise `SchemaError` with the nearest known one."""
        from synthetic_healthcare.schema.files import columns_from_dict

        return Schema(
            columns_from_dict(data),
            derived_from_dict(data.get("derived")),
            time_to_event_from_dict(data.get("time_to_event")),
        )

    def to_yaml(self, path: str | Path | None = None) -> str:
        """Return the schema as YAML to read and edit, one block a column, and write it where asked."""
        from synthetic_healthcare.schema.files import schema_to_yaml

        text = schema_to_yaml(self.columns, self.derived, time_to_event=self.time_to_event)
        if path is not None:
            from pathlib import Path

            Path(path).write_text(text, encoding="utf-8")
        return text

    @staticmethod
    def from_yaml(source: str | Path) -> Schema:
        """Read a schema from a YAML file, or from YAML text (a string of more than one line).

        Raises
        ------
        SchemaError
            Where the file is absent, is not YAML, or holds a key or value that is not known (the nearest
            known one is named).
        """
        from synthetic_healthcare.schema.files import schema_from_yaml

        return Schema(*schema_from_yaml(source))


def _without_inferred_facts(column: Column, kind: Kind) -> Column:
    """Forget what was read for the old kind: it says nothing about the new one."""
    facts = ("categories", "decimals", "delimiter", "bounds")
    forgotten: dict[str, Any] = {name: None for name in facts if name not in column.declared}
    if kind == "integer":
        forgotten["decimals"] = 0
    if "role" not in column.declared:
        if kind == "identifier" and column.role != "group":
            forgotten["role"] = "identifier"
        elif kind != "identifier" and column.role in ("identifier", "group"):
            forgotten["role"] = "feature"
    return replace(column, **forgotten)

"""`join`: several files made into one table of one row a key, by a YAML file that says how.

::

    sources:
      base: {file: admissions.csv, key: hadm_id}     # its rows are the rows of the table
      labs: {file: labs.csv.gz, key: hadm_id, time: charttime, window: {start: admittime, hours: [0, 24]}}
    take:
      age: {from: base, value: age}
      creatinine_max: {from: labs, value: valuenum, where: {itemid: [50912]}, aggregate: max}
      diagnoses: {from: codes, value: icd9_code, aggregate: codes}
    columns:                                          # as in any schema file; may be left out
      age: {kind: integer, role: quasi, bounds: [18, 110]}

The files beside the base are read in batches: memory grows with the rows of the base and the columns that are
taken, not with the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthetic_healthcare.datasets.gathering import Gathered, Specification, Window, key_texts
from synthetic_healthcare.datasets.streaming import batches
from synthetic_healthcare.errors import ConfigError, DataError
from synthetic_healthcare.plain_yaml import load_plain
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.spelling import unknown

if TYPE_CHECKING:
    import pandas as pd

BASE: Final = "base"
Aggregate = Literal["max", "min", "mean", "sum", "count", "first", "last", "any", "codes"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@final
class WindowOfTime(_Strict):
    """Hours after an instant of the base's row; the first end belongs to the window, the last does not."""

    start: str
    hours: tuple[float | None, float | None]


@final
class Source(_Strict):
    """One file (.csv, .csv.gz, .parquet) or folder of Parquet files, beside the YAML file."""

    file: str
    key: str
    time: str | None = None
    window: WindowOfTime | None = None


@final
class Taken(_Strict):
    """One column of the table."""

    source: Annotated[str, Field(alias="from")]
    value: str | None = None
    where: dict[str, list[str | int | float]] = {}
    aggregate: Aggregate | None = None


@final
class Joining(_Strict):
    """The whole file, but for what a schema file holds too."""

    sources: dict[str, Source]
    take: dict[str, Taken]


def join(path: Path) -> tuple[pd.DataFrame, Schema | None]:
    """Return the joined table, and the schema where the file declares columns.

    Raises
    ------
    ConfigError
        The file is absent, no YAML, or asks for what cannot be; the place is named.
    DataError
        A file is absent or lacks a column, keys of the base repeat, or no key is found in another file.
    """
    plan, declared = _read(path)
    base = _base(plan, path.parent)
    keys = key_texts(base[plan.sources[BASE].key])
    columns: dict[str, pd.Series[Any]] = {}
    for name, source in plan.sources.items():
        taken = {new: one for new, one in plan.take.items() if one.source == name}
        if name == BASE:
            columns |= {new: _of_base(new, one, base) for new, one in taken.items()}
        elif taken:
            columns |= _gather(name, source, taken, base, keys, path.parent)
    import pandas as pd

    frame = pd.DataFrame({name: columns[name] for name in plan.take})
    if declared is not None:
        declared.check(frame)
    return frame, declared


def _read(path: Path) -> tuple[Joining, Schema | None]:
    try:
        data = load_plain(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"file {str(path)!r} does not exist") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"file {str(path)!r} is not valid YAML") from error
    if not isinstance(data, dict) or "sources" not in data:
        raise ConfigError(
            f"file {str(path)!r} lists no `sources` to join. A schema goes with its table: give the "
            "table, and "
            "this file as its schema"
        )
    rest = {key: value for key, value in data.items() if key not in ("sources", "take")}
    try:
        plan = Joining.model_validate({key: data[key] for key in ("sources", "take") if key in data})
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"file {str(path)!r}, {where}: {first['msg']}") from None
    _check(plan, str(path))
    # As text: the schema's reader of text knows more of dates and of declared fields than one of mappings.
    declared = Schema.from_yaml(yaml.safe_dump(rest, sort_keys=False)) if "columns" in rest else None
    return plan, declared


def _check(plan: Joining, path: str) -> None:
    """Refuse what cannot be, naming the place."""
    if BASE not in plan.sources:
        raise ConfigError(f"file {path!r}, sources: one must be called `base`: its rows are the table's rows")
    for name, source in plan.sources.items():
        if source.window is not None and (source.time is None or name == BASE):
            raise ConfigError(
                f"file {path!r}, sources.{name}: a window needs `time`, and is not for the base"
            )
    for name, one in plan.take.items():
        where = f"file {path!r}, take.{name}: "
        if one.source not in plan.sources:
            raise ConfigError(where + unknown("source", one.source, plan.sources))
        if one.value is None and one.aggregate not in ("count", "any"):
            raise ConfigError(f"{where}`value` names the column to take; only count and any do without")
        if one.source == BASE and (one.aggregate is not None or one.where):
            raise ConfigError(
                f"{where}a column of the base is taken as it is, with no aggregate and no where"
            )
        if one.source != BASE and one.aggregate is None:
            raise ConfigError(
                f"{where}`aggregate` says what many rows become: max, mean, last, any, codes, ..."
            )


def _base(plan: Joining, folder: Path) -> pd.DataFrame:
    from synthetic_healthcare.datasets.own import read_files

    source = plan.sources[BASE]
    frame, _ = read_files(folder / source.file)
    starts = [each.window.start for each in plan.sources.values() if each.window is not None]
    for name in (source.key, *starts):
        if name not in frame.columns:
            raise DataError(f"file {source.file!r}: " + unknown("column", name, map(str, frame.columns)))
    missing, repeated = int(frame[source.key].isna().sum()), int(frame[source.key].duplicated().sum())
    if missing or repeated:
        raise DataError(
            f"file {source.file!r}: {missing} rows have no {source.key!r}, and {repeated} repeat one. "
            "The base has "
            "one row a key; choose another key, or another file as base"
        )
    return frame


def _of_base(new: str, one: Taken, base: pd.DataFrame) -> pd.Series[Any]:
    value = str(one.value)
    if value not in base.columns:
        raise DataError(f"take.{new}: " + unknown("column", value, map(str, base.columns)))
    return base[value]


def _gather(
    name: str, source: Source, taken: dict[str, Taken], base: pd.DataFrame, keys: pd.Index[Any], folder: Path
) -> dict[str, pd.Series[Any]]:
    """Read one file in batches and gather every column that is taken from it."""
    specifications = [
        Specification(
            new, one.aggregate or "last", one.value, tuple((k, tuple(v)) for k, v in one.where.items())
        )
        for new, one in taken.items()
    ]
    window = None
    if source.window is not None:
        window = Window.after(base[source.window.start], source.window.hours, source.window.start)
    gathered = Gathered(keys, specifications, key=source.key, time=source.time, window=window)
    for batch in batches(folder / source.file, gathered.needed):
        gathered.add(batch)
    if not gathered.matched:
        raise DataError(
            f"file {source.file!r}: none of its {source.key!r} is a key of the base, so that {name!r} "
            "has nothing "
            "to give. Check that both columns are the same key"
        )
    return gathered.finish()

"""`TimeToEvent`: which columns hold the time of follow-up and whether the event happened by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.schema.column import DISCRETE_KINDS, Category, Column
from synthetic_healthcare.schema.spelling import unknown

_KEYS: Final = ("time", "event", "happened")


@final
@dataclass(frozen=True)
class TimeToEvent:
    """The two columns of a time to an event, which survival is judged by.

    Parameters
    ----------
    time : str
        A numeric or integer column: time from entry to the event or to the end of follow-up.
    event : str
        A column that says which of the two it was.
    happened : str, int, float or bool, default 1
        Its value where the event happened; every other value is the end of follow-up. 1, 1.0 and True are the
        same value.
    """

    time: str
    event: str
    happened: Category = 1


def check_time_to_event(declared: TimeToEvent | None, columns: Sequence[Column]) -> None:
    """Raise `SchemaError` where the columns are not there, or are not of a kind that can say it."""
    if declared is None:
        return
    kinds = {column.name: column.kind for column in columns}
    for name in (declared.time, declared.event):
        if name not in kinds:
            raise SchemaError("time_to_event: " + unknown("column", name, kinds))
    if declared.time == declared.event:
        raise SchemaError(f"time_to_event: {declared.time!r} is both time and event. Name two columns")
    if kinds[declared.time] not in ("numeric", "integer"):
        raise SchemaError(
            f"time_to_event: the time {declared.time!r} is of kind {kinds[declared.time]!r}; it must be "
            "numeric or integer (the length of follow-up, not a date)"
        )
    if kinds[declared.event] not in DISCRETE_KINDS | {"integer", "numeric"}:
        raise SchemaError(
            f"time_to_event: the event {declared.event!r} is of kind {kinds[declared.event]!r}; it must be "
            "boolean, categorical, or 0 and 1"
        )


def time_to_event_from_dict(block: object) -> TimeToEvent | None:
    """Read the block `time_to_event` of a schema file: {time: column, event: column, happened: value}.

    Raises
    ------
    SchemaError
        The block is not of that form.
    """
    if block is None:
        return None
    if not isinstance(block, Mapping) or not {"time", "event"} <= set(block):
        raise SchemaError("'time_to_event' of the schema must hold 'time: COLUMN' and 'event: COLUMN'")
    for key in block:
        if key not in _KEYS:
            raise SchemaError("time_to_event: " + unknown("key", str(key), _KEYS))
    happened = block.get("happened", 1)
    if not isinstance(happened, str | int | float | bool):
        raise SchemaError("time_to_event: 'happened' must be one value of the event's column")
    return TimeToEvent(str(block["time"]), str(block["event"]), happened)


def time_to_event_to_dict(declared: TimeToEvent | None) -> dict[str, Any] | None:
    """Return plain data; `time_to_event_from_dict` undoes it."""
    if declared is None:
        return None
    return {"time": declared.time, "event": declared.event, "happened": declared.happened}

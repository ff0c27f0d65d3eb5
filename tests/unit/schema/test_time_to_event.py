"""The columns of a time to an event: declared, checked, written and read again."""

from __future__ import annotations

import pandas as pd
import pytest

from synthetic_healthcare.errors import SchemaError
from synthetic_healthcare.schema import Column, Schema, TimeToEvent
from synthetic_healthcare.schema.public import private_schema

COLUMNS = (Column("days", "numeric"), Column("died", "categorical"), Column("admitted", "datetime"))
PLAIN = Schema(COLUMNS)


def test_round_trip_through_plain_data_and_yaml() -> None:
    schema = PLAIN.with_time_to_event("days", event="died", happened="yes")
    assert schema.time_to_event == TimeToEvent("days", "died", "yes")
    assert Schema.from_dict(schema.to_dict()) == schema
    assert Schema.from_yaml(schema.to_yaml()).time_to_event == schema.time_to_event
    assert "time_to_event" not in PLAIN.to_dict()
    assert Schema.from_yaml(PLAIN.to_yaml()).time_to_event is None


def test_it_is_kept_when_columns_change() -> None:
    schema = PLAIN.with_time_to_event("days", event="died")
    assert schema.with_target("died").with_column("days", unit="d").time_to_event == schema.time_to_event


def test_a_private_schema_keeps_what_was_declared() -> None:
    frame = pd.DataFrame({"days": [1.0], "died": ["yes"], "admitted": [pd.Timestamp("2020-01-01")]})
    declared = PLAIN.with_time_to_event("days", event="died", happened="yes")
    assert private_schema(frame, declared, None).time_to_event == declared.time_to_event


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ("dais", "died", "days"),
        ("days", "dead", "time_to_event"),
        ("days", "days", "both time and event"),
        ("admitted", "died", "must be numeric"),
        ("days", "admitted", "must be boolean"),
    ],
)
def test_columns_that_cannot_say_it_are_refused(time: str, event: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        PLAIN.with_time_to_event(time, event=event)


@pytest.mark.parametrize(
    "block",
    [
        "days",
        {"time": "days"},
        {"time": "days", "event": "died", "end": 1},
        {"time": "days", "event": "died", "happened": []},
    ],
)
def test_a_block_of_another_form_is_refused(block: object) -> None:
    with pytest.raises(SchemaError, match="time_to_event"):
        Schema.from_dict({**PLAIN.to_dict(), "time_to_event": block})

"""What is known of a table's columns: kinds, roles, domains, and how each cell is read."""

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.schema.time_to_event import TimeToEvent

__all__ = ["Column", "Schema", "TimeToEvent"]

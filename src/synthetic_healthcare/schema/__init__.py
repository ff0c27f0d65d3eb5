"""What is known of a table's columns: kinds, roles, domains, and how each cell is read."""

from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

__all__ = ["Column", "Schema"]

"""Real tables by name, and a user's own: read, checked, and described by a schema.

Nothing is downloaded on import. Asking for a dataset by its name is asking for its file: it is taken from the
folder that SYNTHETIC_HEALTHCARE_DATA names, else from the cache, else from the official place.
"""

from __future__ import annotations

from synthetic_healthcare.datasets.dataset import About, ColumnNote, Dataset
from synthetic_healthcare.datasets.loading import fetch, load, located
from synthetic_healthcare.datasets.registry import available, recipe

__all__ = ["About", "ColumnNote", "Dataset", "available", "fetch", "load", "located", "recipe"]

"""Fit one of the library's models under a budget: `python fit_private.py TASK.json FACTS.json`.

The task's model is written NAME@EPSILON@DELTA. What is public of the columns is declared in
`domains/TABLE.yaml`, the table being told by its columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
from protocol import Learnt, Task, serve

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.schema.schema import Schema

DOMAINS: Final = Path(__file__).resolve().parent / "domains"


def fit(train: pd.DataFrame, task: Task) -> Learnt:
    """Learn all rows within the budget."""
    name, epsilon, delta = task.model.split("@")
    generator = SyntheticDataGenerator(name, random_state=task.seed)
    generator.add_privacy_mechanism("differential_privacy", epsilon=float(epsilon), delta=float(delta))
    generator.fit(train, target=task.target, holdout=0, schema=domain_of(train), epochs=task.epochs)
    told = generator.describe()
    return Learnt(generator.generate, {"chose": told["model"], "spent": told["ledger"]["totals"]})


def domain_of(train: pd.DataFrame) -> Schema:
    """The declaration whose columns are the table's."""
    for path in sorted(DOMAINS.glob("*.yaml")):
        schema = Schema.from_yaml(path)
        if {column.name for column in schema.columns} == set(train.columns):
            return schema
    raise SystemExit(f"no file of {DOMAINS.name} declares the columns {sorted(train.columns)}")


if __name__ == "__main__":
    serve(fit, packages=("torch", "numpy", "pandas", "dp-accounting"))

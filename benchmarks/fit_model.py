"""Fit one of the library's models in this process: `python fit_model.py TASK.json FACTS.json`."""

from __future__ import annotations

import pandas as pd
from protocol import Sampler, Task, serve

from synthetic_healthcare import SyntheticDataGenerator


def fit(train: pd.DataFrame, task: Task) -> Sampler:
    """Learn all rows with the defaults; the schema is inferred, the list of discrete columns is not used."""
    generator = SyntheticDataGenerator(task.model, random_state=task.seed)
    generator.fit(train, target=task.target, holdout=0, epochs=task.epochs)
    draw: Sampler = generator.generate
    return draw


if __name__ == "__main__":
    serve(fit, packages=("torch", "numpy", "pandas", "scikit-learn"))

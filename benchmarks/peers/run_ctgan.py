"""Fit CTGAN or TVAE of the package `ctgan` in this process: `python run_ctgan.py TASK.json FACTS.json`.

Runs in an environment of its own, with this folder's parent on PYTHONPATH. Only the package's documented
interface is used (Xu et al. 2019, arXiv:1907.00503).
"""

from __future__ import annotations

from typing import Final

import pandas as pd
from ctgan import CTGAN, TVAE
from protocol import Learnt, Task, serve

_MODELS: Final = {"sdv-ctgan": CTGAN, "sdv-tvae": TVAE}
#: The package's own default, said aloud.
_EPOCHS: Final = 300


def fit(train: pd.DataFrame, task: Task) -> Learnt:
    """Learn all rows with the package's defaults."""
    epochs = _EPOCHS if task.epochs is None else min(_EPOCHS, task.epochs)
    model = _MODELS[task.model](epochs=epochs)
    model.set_random_state(task.seed)
    model.fit(train, task.discrete)
    return Learnt(model.sample, {"epochs": epochs})


if __name__ == "__main__":
    serve(fit, packages=("ctgan", "torch", "numpy", "pandas", "scikit-learn"))

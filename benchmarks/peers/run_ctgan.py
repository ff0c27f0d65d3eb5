"""Fit CTGAN or TVAE in this process: `python run_ctgan.py TASK.json FACTS.json`.

Runs in the peers' own environment, with this folder's parent on PYTHONPATH. Only the package's documented
interface is used (Xu et al. 2019, arXiv:1907.00503).
"""

from __future__ import annotations

from typing import Final

import pandas as pd
from ctgan import CTGAN, TVAE
from protocol import Sampler, Task, serve

_MODELS: Final = {"ctgan": CTGAN, "tvae": TVAE}
#: The package's own default, said aloud.
_EPOCHS: Final = 300


def fit(train: pd.DataFrame, task: Task) -> Sampler:
    """Learn all rows with the package's defaults."""
    model = _MODELS[task.model](epochs=_EPOCHS if task.epochs is None else task.epochs)
    model.set_random_state(task.seed)
    model.fit(train, task.discrete)
    draw: Sampler = model.sample
    return draw


if __name__ == "__main__":
    serve(fit, packages=("ctgan", "torch", "numpy", "pandas", "scikit-learn"))

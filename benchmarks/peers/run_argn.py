"""Fit MOSTLY AI's TabularARGN in this process: `python run_argn.py TASK.json FACTS.json`.

Runs in an environment of its own, with this folder's parent on PYTHONPATH. Only the package's documented
interface is used (Tiwald et al. 2025, arXiv:2501.12012).
"""

from __future__ import annotations

import pandas as pd
from mostlyai.engine import TabularARGN
from protocol import Learnt, Task, serve


def fit(train: pd.DataFrame, task: Task) -> Learnt:
    """Learn all rows with the package's defaults; it stops by itself, before its 100 epochs as a rule."""
    shortened = {} if task.epochs is None else {"max_epochs": float(task.epochs)}
    model = TabularARGN(random_state=task.seed, device="cpu", verbose=0, **shortened)
    model.fit(train)
    return Learnt(lambda rows: model.sample(n_samples=rows)[list(train)])


if __name__ == "__main__":
    serve(fit, packages=("mostlyai-engine", "torch", "numpy", "pandas", "scikit-learn"))

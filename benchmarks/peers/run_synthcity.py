"""Fit a generator of synthcity in this process: `python run_synthcity.py TASK.json FACTS.json`.

Runs in an environment of its own, with this folder's parent on PYTHONPATH. Only the package's documented
interface is used (Qian et al. 2023, arXiv:2301.07573): its Bayesian network and its adversarial random forest
(Watson et al. 2023, arXiv:2205.09435). Its diffusion model draws 8 rows a second here, and is left out.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from pathlib import Path
from typing import Final

import pandas as pd

# Its imports warn a hundredfold of what others deprecated.
warnings.filterwarnings("ignore")

from protocol import Learnt, Task, serve  # noqa: E402
from synthcity.plugins import Plugins  # noqa: E402
from synthcity.plugins.core.dataloader import GenericDataLoader  # noqa: E402

_MODELS: Final = {"synthcity-bayes": "bayesian_network", "synthcity-arf": "arf"}


def fit(train: pd.DataFrame, task: Task) -> Learnt:
    """Learn all rows with the package's defaults; neither model has epochs."""
    name = _MODELS[task.model]
    model = Plugins().get(name, random_state=task.seed, workspace=Path(tempfile.mkdtemp()))
    model.fit(GenericDataLoader(train, target_column=task.target))
    # Equal seeds give equal rows: each release gets one of its own.
    seeds = itertools.count(1000 * task.seed)

    def draw(rows: int) -> pd.DataFrame:
        table: pd.DataFrame = model.generate(count=rows, random_state=next(seeds)).dataframe()
        return table[list(train)]

    return Learnt(draw)


if __name__ == "__main__":
    serve(fit, packages=("synthcity", "torch", "numpy", "pandas", "scikit-learn"))

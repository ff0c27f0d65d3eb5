"""Fit a method of smartnoise-synth in this process: `python run_smartnoise.py TASK.json FACTS.json`.

Runs in an environment of its own. Only the package's documented interface is used. Numbers are cut into 16
bins of equal width over their declared bounds, which costs the peer nothing, and come back as their middles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml
from protocol import Learnt, Task, serve
from snsynth import Synthesizer

DOMAINS: Final = Path(__file__).resolve().parent.parent / "domains"
_BINS: Final = 16
_NAMES: Final = {"sn-aim": "aim", "sn-mst": "mst", "sn-dpctgan": "dpctgan", "sn-patectgan": "patectgan"}


def fit(train: pd.DataFrame, task: Task) -> Learnt:
    """Learn all rows with the package's defaults within the budget."""
    name, epsilon, delta = task.model.split("@")
    columns = _columns(train)
    cuts = {
        column: np.linspace(*facts["bounds"], _BINS + 1)
        for column, facts in columns.items()
        if "bounds" in facts
    }
    cut = train.copy()
    for column, edges in cuts.items():
        cut[column] = np.clip(np.searchsorted(edges, train[column], side="right") - 1, 0, _BINS - 1)
    cut = cut.astype(int)
    settings: dict[str, Any] = {"delta": float(delta)} if name in ("sn-aim", "sn-mst") else {}
    if name == "sn-dpctgan":
        # Its default of 500 is refused on a few hundred rows.
        settings = {"batch_size": min(500, 2 * (len(train) // 8)), "delta": float(delta)}
    model = Synthesizer.create(_NAMES[name], epsilon=float(epsilon), **settings)
    model.fit(cut, categorical_columns=list(cut), preprocessor_eps=0.0)

    def draw(rows: int) -> pd.DataFrame:
        drawn = model.sample(rows)
        for column, edges in cuts.items():
            middle = (edges[:-1] + edges[1:]) / 2
            values = middle[drawn[column].astype(int)]
            drawn[column] = np.round(values) if columns[column]["kind"] == "integer" else values
        return drawn.astype(float)

    return Learnt(draw)


def _columns(train: pd.DataFrame) -> dict[str, Any]:
    for path in sorted(DOMAINS.glob("*.yaml")):
        columns: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["columns"]
        if set(columns) == set(train.columns):
            return columns
    raise SystemExit("no declared domain has these columns")


if __name__ == "__main__":
    serve(fit, packages=("smartnoise-synth", "torch", "numpy", "pandas"))

"""Do synthetic patients contradict clinical rules more often than real ones?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synthetic_healthcare.evaluation._base import Measure, metric
from synthetic_healthcare.evaluation.statistics import wilson
from synthetic_healthcare.rules.pack import RulePack
from synthetic_healthcare.rules.violations import RuleCount, Violations, add
from synthetic_healthcare.schema.schema import Schema


@metric("Broken clinical rules", family="fidelity", better="lower", bounds=(0.0, 1.0))
def rule_violations(rules: RulePack, tables: Sequence[pd.DataFrame], schema: Schema) -> Measure:
    """Share of synthetic rows that break at least one rule, beside that of all real rows.

    The detail gives both rates of every rule, among the rows that it concerns, with their intervals (Wilson
    1927, doi:10.1080/01621459.1927.10502953). Combinations that are still to be learnt are those of the
    training rows.

    Parameters
    ----------
    rules : RulePack
        The rules.
    tables : sequence of DataFrame
        Synthetic, training and, where there is one, hold-out rows; all of them, not a sample.
    schema : Schema
        Says how columns are read.
    """
    pack = rules if rules.is_learnt else rules.learn(tables[1], schema=schema)
    counted = [pack.violations(table, schema) for table in tables]
    synthetic, real = counted[0], add(counted[1:])
    lower, upper = wilson(synthetic.rate, synthetic.rows)
    return Measure(
        synthetic.rate, lower, upper, ceiling=real.rate, detail={"rules": _by_rule(real, synthetic)}
    )


def _by_rule(real: Violations, synthetic: Violations) -> dict[str, dict[str, Any]]:
    return {name: {**_figures("real", real[name]), **_figures("synthetic", synthetic[name])} for name in real}


def _figures(side: str, count: RuleCount) -> dict[str, float | None]:
    """Rate and interval of one side; no rate where no row is concerned."""
    if not count.concerned:
        return {f"{side}_concerned": 0, side: None, f"{side}_lower": None, f"{side}_upper": None}
    lower, upper = wilson(count.rate, count.concerned)
    return {
        f"{side}_concerned": count.concerned,
        side: count.rate,
        f"{side}_lower": lower,
        f"{side}_upper": upper,
    }

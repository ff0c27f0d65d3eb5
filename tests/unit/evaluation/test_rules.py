"""The metric of broken clinical rules: rates by hand, intervals, and what happens without rules."""

from __future__ import annotations

import pandas as pd
import pytest

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.evaluation.fidelity.rules import rule_violations
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.evaluation.statistics import wilson
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

PACK = RulePack.from_yaml(
    """
rules:
  order: {holds: low <= high}
  sites: {combination: [site, low], allowed: observed}
  never asked: {when: low > 50, then: high > 60}
"""
)
SCHEMA = Schema((Column("low", "integer"), Column("high", "integer"), Column("site", "categorical")))


def table(rows: int, wrong: int, site: str = "a") -> pd.DataFrame:
    """Rows of which the first ones have their numbers the wrong way round."""
    high = [0] * wrong + [2] * (rows - wrong)
    return pd.DataFrame({"low": 1, "high": high, "site": site})


def test_rates_of_both_sides_by_hand() -> None:
    synthetic, train, holdout = table(50, 10, "b"), table(80, 2), table(20, 3)
    found = rule_violations.compute(PACK, [synthetic, train, holdout], SCHEMA)
    # Site b was never seen: every synthetic row breaks a rule.
    assert (found.value, found.ceiling) == (1.0, 0.05)
    assert (found.lower, found.upper) == wilson(1.0, 50)
    order = found.detail["rules"]["order"]
    assert (order["real"], order["synthetic"]) == (0.05, 0.2)
    assert (order["real_lower"], order["real_upper"]) == wilson(0.05, 100)
    assert (order["synthetic_concerned"], order["real_concerned"]) == (50, 100)
    assert found.detail["rules"]["sites"]["synthetic"] == 1.0
    assert found.detail["rules"]["never asked"]["real"] is None


def test_a_report_counts_all_rows_with_and_without_a_holdout() -> None:
    options = EvaluationOptions(bootstrap=20, nulls=4, max_rows=100, rules=PACK)
    frames = [
        table(150, 10).assign(high=lambda one: one["high"] + one.index % 7),
        table(140, 0),
        table(60, 0),
    ]
    for holdout in (frames[2], None):
        report = evaluate(frames[0], train=frames[1], holdout=holdout, schema=SCHEMA, options=options)
        result = next(one for one in report.results if one.name == "rule_violations")
        assert (result.status, result.ceiling) == ("ok", 0.0)
        # The wrong ones of which the index adds nothing or too little.
        assert result.value == pytest.approx(2 / 150)
        assert report.context["options"]["rules"] == 3
        assert "Clinical rules" in report.to_html()
        assert "never asked" in report.to_json()


def test_without_rules_it_does_not_apply_and_a_rule_that_does_not_fit_is_refused() -> None:
    frames = table(120, 1), table(120, 0), table(60, 0)
    options = EvaluationOptions(bootstrap=20, nulls=4, figures=False)
    report = evaluate(frames[0], train=frames[1], holdout=frames[2], schema=SCHEMA, options=options)
    result = next(one for one in report.results if one.name == "rule_violations")
    assert result.status == "not_applicable"
    assert "--rules" in result.reason
    assert "rules" not in report.context["options"]
    assert 'id="rules"' not in report.to_html()
    foreign = EvaluationOptions(rules=RulePack.from_yaml("rules:\n  x: {holds: lwo < high}\n"))
    with pytest.raises(RuleError, match="did you mean 'low'"):
        evaluate(frames[0], train=frames[1], holdout=None, schema=SCHEMA, options=foreign)

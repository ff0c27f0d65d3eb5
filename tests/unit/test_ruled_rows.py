"""Clinical rules go with a model: learnt beside it, kept by every row it gives, stored in its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator
from synthetic_healthcare.errors import RuleError

MakeTable = Callable[..., pd.DataFrame]

RULES = """
version: 1
rules:
  the old have pressure:
    when: age >= 60
    then: pressure >= 120
  pressure in range:
    range: {column: pressure, within: [95, 150]}
    repair: clip
"""


@pytest.fixture(scope="module")
def table(plain_table: MakeTable) -> pd.DataFrame:
    return plain_table(200)


@pytest.fixture(scope="module")
def generator(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> SyntheticDataGenerator:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    architecture = {"encoder_layers": [16], "decoder_layers": [16]}
    made = SyntheticDataGenerator("beta-vae", random_state=0, architecture=architecture, rules=path)
    return made.fit(table, epochs=2)


def keeps_the_rules(rows: pd.DataFrame) -> bool:
    old = rows["age"] >= 60
    return bool((rows["pressure"].between(95, 150) & (~old | (rows["pressure"] >= 120))).all())


def test_generated_rows_keep_the_rules_and_none_is_lost(
    generator: SyntheticDataGenerator, tmp_path: Path
) -> None:
    rows = generator.generate(500)
    assert len(rows) == 500
    assert keeps_the_rules(rows)
    (done,) = generator.last_draw.rules
    assert done.before.rate > 0
    assert done.after.rate == 0
    assert done.redrawn > 0
    generator.generate_to(tmp_path / "rows.parquet", 400)
    assert keeps_the_rules(pd.read_parquet(tmp_path / "rows.parquet"))
    assert keeps_the_rules(generator.generate(100, balance="ward"))


def test_rows_under_conditions_keep_them_too(generator: SyntheticDataGenerator) -> None:
    rows = generator.generate_conditional({"age": (">=", 60), "pressure": ("<", 135)}, 80)
    assert len(rows) == 80
    assert keeps_the_rules(rows)
    assert (rows["age"] >= 60).all()
    assert (rows["pressure"] < 135).all()


def test_the_rules_are_in_the_model_file_and_in_the_report(
    generator: SyntheticDataGenerator, table: pd.DataFrame, tmp_path: Path
) -> None:
    generator.save(tmp_path / "model.shm")
    loaded = SyntheticDataGenerator.load(tmp_path / "model.shm")
    assert keeps_the_rules(loaded.generate(300))
    rates = loaded.describe()["rules"]
    assert set(rates) == {"the old have pressure", "pressure in range"}
    assert rates["the old have pressure"] > 0
    assert any("real rows that it concerns break it" in note for note in loaded.describe()["notes"])
    report = loaded.evaluate(loaded.generate(200), table)
    found = next(each for each in report.results if each.name == "rule_violations")
    assert found.status == "ok"
    assert found.value == 0


def test_a_rule_on_a_column_that_is_not_there_is_refused(table: pd.DataFrame) -> None:
    from synthetic_healthcare.rules import RulePack

    pack = RulePack.from_yaml("version: 1\nrules:\n  r:\n    holds: agee > 3\n")
    with pytest.raises(RuleError, match="agee"):
        SyntheticDataGenerator("independent", rules=pack).fit(table)

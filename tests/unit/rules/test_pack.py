"""Packs: every form on a table worked out by hand, what is learnt and what is not, and clear refusals."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

NAN = float("nan")

WARD = """
version: 1
rules:
  pulse pressure:
    holds: diastolic < systolic
    repair: swap
    source: the heart's cycle
  pregnancy:
    when: pregnant == 1
    then: sex == 'F'
  haemoglobin of women:
    range: {column: hemoglobin, within: [3, 25], when: "sex == 'F'"}
  stay:
    range: {column: admitted, within: [2019-01-01, null]}
  wards:
    combination: [sex, ward]
    allowed: [[F, 1], [M, 2], [F, 2]]
  ventilator:
    missing: peep
    iff: not ventilated
  panel:
    missing_together: [sodium, potassium]
  some reason:
    not_missing_together: [sodium, hemoglobin]
"""
TABLE = pd.DataFrame(
    {
        "diastolic": [80, 90, 70, NAN],
        "systolic": [120, 85, 70, 110],
        "pregnant": [1, 1, 0, NAN],
        "sex": ["F", "M", "M", None],
        "hemoglobin": [2.0, 40.0, 12.0, NAN],
        "admitted": pd.to_datetime(["2019-01-01", "2018-12-31", None, "2020-02-02"]),
        "ward": [1, 1, 2, 2],
        "ventilated": [1, 0, 0, NAN],
        "peep": [5.0, 8.0, NAN, NAN],
        "sodium": [140, NAN, NAN, NAN],
        "potassium": [4.1, 4.0, NAN, NAN],
    }
)
#: Rule -> rows concerned, rows violating.
COUNTED = {
    "pulse pressure": (3, 2),
    "pregnancy": (2, 1),
    "haemoglobin of women": (1, 1),
    "stay": (3, 1),
    "wards": (3, 1),
    "ventilator": (3, 1),
    "panel": (4, 1),
    "some reason": (4, 1),
}


def pack(*lines: str) -> RulePack:
    """A pack of one rule, 'it', from the lines of its block."""
    return RulePack.from_yaml("rules:\n  it:\n" + "".join(f"    {line}\n" for line in lines))


def test_every_form_counts_what_is_counted_by_hand() -> None:
    found = RulePack.from_yaml(WARD).violations(TABLE)
    assert {name: (one.concerned, one.violating) for name, one in found.items()} == COUNTED
    assert (found.rows, found.violating, found.rate) == (4, 4, 1.0)
    assert found["stay"].rate == pytest.approx(1 / 3)
    with pytest.raises(KeyError):
        found["other"]


def test_nothing_but_counts_and_names_leaves_a_count() -> None:
    told = RulePack.from_yaml(WARD).violations(TABLE).to_dict()
    assert set(told) == {"rows", "violating", "rate", "rules"}
    assert all(set(one) == {"concerned", "violating", "rate"} for one in told["rules"].values())
    json.dumps(told)


def test_plain_data_give_the_same_pack_again() -> None:
    first = RulePack.from_yaml(WARD)
    again = RulePack.from_dict(json.loads(json.dumps(first.to_dict())))
    assert again == first
    learnt = pack("combination: [sex, ward]", "allowed: observed").learn(pd.concat([TABLE] * 5))
    assert RulePack.from_dict(json.loads(json.dumps(learnt.to_dict()))) == learnt
    assert learnt["it"].form.to_dict()["learnt"] == [["F", 1], ["M", 1], ["M", 2]]


def test_a_table_without_rows_and_a_rule_that_concerns_none() -> None:
    found = RulePack.from_yaml(WARD).violations(TABLE.iloc[:0])
    assert found.rate == 0.0
    assert all((one.concerned, one.rate) == (0, 0.0) for one in found.values())


def test_combinations_are_learnt_from_enough_patients_only() -> None:
    observed = pack("combination: [site, ward]", "allowed: observed")
    table = pd.DataFrame({"site": ["a"] * 6 + ["b"] * 4 + [None], "ward": [True] * 6 + [False] * 4 + [True]})
    with pytest.raises(RuleError, match=r"Call pack\.learn"):
        observed.violations(table)
    learnt = observed.learn(table)
    assert learnt["it"].form.to_dict()["learnt"] == [["a", 1]]
    found = learnt.violations(table)["it"]
    assert (found.concerned, found.violating) == (10, 4)
    # Fewer than five patients break it: the model does not know of them.
    assert learnt["it"].real_rate == 0.0
    # Six rows of the site, but of two patients.
    patients = table.assign(patient=[1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7])
    grouped = Schema(
        (Column("site", "categorical"), Column("ward", "boolean"), Column("patient", "integer", "group"))
    )
    with pytest.raises(RuleError, match="rule 'it': no combination of 'site', 'ward' is held by 5 patients"):
        observed.learn(patients, schema=grouped)
    assert observed.learn(patients, 2, schema=grouped)["it"].form.to_dict()["learnt"] == [["a", 1], ["b", 0]]


def test_numbers_and_booleans_are_one_value_in_combinations() -> None:
    rule = pack("combination: [x, y]", "allowed: [[1, true], [2.5, 0]]")
    table = pd.DataFrame({"x": [1.0, 2.5, 1.0, 7.0], "y": [True, False, False, True]})
    found = rule.violations(table)["it"]
    assert (found.concerned, found.violating) == (4, 2)
    assert rule.violations(table.astype({"x": "Float64", "y": "int8"}))["it"] == found


def test_a_rule_that_real_rows_often_break_is_told_with_its_rate() -> None:
    table = pd.DataFrame({"low": np.zeros(200), "high": np.r_[np.full(20, -1.0), np.ones(180)]})
    learnt = pack("holds: low <= high").learn(table)
    assert learnt["it"].real_rate == 0.1
    assert len(learnt.notes()) == 1
    assert "rule 'it': 10.0% of the real rows" in learnt.notes()[0]
    assert "as many generated rows may break it" in learnt.with_enforcement("as_real").notes()[0]
    assert pack("holds: low <= high").notes() == ()


def test_a_schema_is_checked_without_rows() -> None:
    schema = Schema(
        (
            Column("id", "identifier", "identifier"),
            Column("sex", "boolean", categories=("F", "M"), dtype="object"),
            Column("age", "integer", dtype="int64"),
            Column("stage", "ordinal", categories=("I", "II"), dtype="object"),
            Column("level", "categorical", dtype="int64"),
            Column("admitted", "datetime", dtype="object"),
            Column("codes", "codes", delimiter=";", dtype="object"),
        )
    )
    for good in (
        "holds: age < 120 and stage <= 'II' and level in [1, 2]",
        "holds: \"sex == 'F' or 'O8*' not in codes\"",
        "holds: admitted >= '2019-01-01'",
        "range: {column: admitted, within: [2019-01-01, 2020-01-01]}",
    ):
        pack(good).check_columns(schema)
    pack("combination: [sex, level]", "allowed: observed").check_columns(schema)
    for bad, problem in (
        ("holds: agee < 120", "rule 'it': .*did you mean 'age'"),
        ("holds: sex < 3 or id == 1", "column 'id' is of kind 'identifier'"),
        ("holds: age == 'old'", "at character 1 .*without quotes"),
        ("holds: level == 'x'", "without quotes"),
        ("holds: codes == 'x'", "asked with 'in'"),
        ("holds: \"'x' in sex\"", "not known to hold sets of codes"),
        ("range: {column: admitted, within: [1, 2]}", "a number cannot be compared|cannot be compared"),
        ("holds: stage < 'III'", "did you mean 'II'"),
        ("missing_together: [age, wieght]", "unknown column 'wieght'"),
    ):
        with pytest.raises(RuleError, match=problem):
            pack(bad).check_columns(schema)
    with pytest.raises(RuleError, match="'codes' holds sets of codes"):
        pack("combination: [sex, codes]", "allowed: observed").check_columns(schema)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["hold: a < b"], "unknown key 'hold': did you mean 'holds'"),
        (["holds: a <"], "at character 4"),
        (["holds: a < b", "then: a < 3"], "this one has 'holds' and 'then'"),
        (["holds: a < b", "when: c == 1"], "'when' does not go with 'holds'"),
        (["when: a < b"], "'then', what must hold"),
        (["source: somebody"], "this one has none"),
        (["holds: 3"], "'holds' must be text"),
        (["holds: a < b", "repair: swapp"], "did you mean 'swap'"),
        (["holds: a < 3", "repair: swap"], "repair: swap needs a comparison of two columns"),
        (["holds: a < b > c", "repair: sort"], "in one direction"),
        (["holds: a < b", "repair: clip"], "needs a range"),
        (["when: a < b", "then: c > 1", "repair: set"], "one column and one value"),
        (["holds: a < b", "repair: missing"], "repair: missing needs"),
        (["holds: a < b", "enforce: sometimes"], "setting of 'enforce'"),
        (["range: {column: a, within: [3]}"], "two values"),
        (["range: {column: a, within: [3, 1]}"], "lower one first"),
        (["range: {column: a, within: [null, null]}"], "two open ends"),
        (["range: {colum: a, within: [1, 3]}"], "did you mean 'column'"),
        (["range: 3"], "holds a column and its ends"),
        (["combination: [a]", "allowed: observed"], "2 columns or more"),
        (["combination: [a, b]"], "must be a list of combinations"),
        (["combination: [a, b]", "allowed: [[1, 2], [1]]"], "combination 2 must be a list of 2"),
        (["combination: [a, b]", "allowed: [[1, [2]]]"], "not list"),
        (["missing: [a, a]", "iff: b == 1"], "each once"),
        (["missing: a"], "'iff' must be text, and is not there"),
    ],
)
def test_a_faulty_block_is_refused_by_name(lines: list[str], problem: str) -> None:
    with pytest.raises(RuleError, match=f"rule 'it': .*{problem}"):
        pack(*lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: {}\n", "at least one block"),
        ("- a\n- b\n", "keys 'version' and 'rules'"),
        ("version: 2\nrules:\n  a: {holds: x < y}\n", "version other than 1"),
        ("rule:\n  a: {holds: x < y}\n", "did you mean 'rules'"),
        ("rules:\n  a: {holds: x < y}\n  a: {holds: x < z}\n", "'a' stands twice"),
        ("rules:\n  1: {holds: x < y}\n", "not text"),
        ("rules:\n  a: 3\n", "must hold fields"),
        ("rules:\n  a:\n    holds: 'O80' in x\n", "not valid YAML at line 3"),
        ("rules: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_a_faulty_file_is_refused(text: str, problem: str) -> None:
    with pytest.raises(RuleError, match=problem):
        RulePack.from_yaml(text)


def test_files_are_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "rules.yaml"
    with pytest.raises(RuleError, match=r"rules.yaml' does not exist"):
        RulePack.from_yaml(path)
    path.write_text("rules:\n  a: {hold: x < y}\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"rules.yaml: rule 'a'"):
        RulePack.from_yaml(str(path))
    path.write_text("enforce: as_real\nrules:\n  a: {holds: x < y}\n  b: {holds: x < y, enforce: never}\n")
    assert [rule.enforce for rule in RulePack.from_yaml(path).rules] == ["as_real", "never"]


def test_twenty_rules_over_a_quarter_of_a_million_rows_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    rows, names = 253_680, [f"x{place}" for place in range(22)]
    table = pd.DataFrame(rng.integers(0, 9, (rows, 22)).astype(float), columns=names)
    kinds = (
        "holds: x{0} <= x{1} <= x{2}",
        "when: x{0} == 1 and x{1} > 3\n    then: x{2} in [1, 2, 3]",
        "range: {{column: x{0}, within: [1, 8], when: x{1} == 0}}",
        "combination: [x{0}, x{1}]\n    allowed: [[0, 0], [1, 1], [2, 2]]",
        "holds: x{0} + x{1} == x{2} or missing(x{0})",
    )
    blocks = [f"  r{n}:\n    {kinds[n % 5].format(n, n + 1, (n + 2) % 22)}\n" for n in range(20)]
    rules = RulePack.from_yaml("rules:\n" + "".join(blocks))
    started = time.process_time()
    found = rules.violations(table)
    seconds = time.process_time() - started
    assert found["r0"].violating > rows / 3
    assert seconds < 1.0, f"{seconds:.2f} s"

"""The forms of a report: JSON by its published schema, Markdown, single pictures, and what may leave."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import resources
from typing import Any
from xml.etree import ElementTree

import pytest

from synthetic_healthcare.errors import EvaluationError
from synthetic_healthcare.evaluation._base import MetricResult
from synthetic_healthcare.evaluation.page import render
from synthetic_healthcare.evaluation.release import rounded
from synthetic_healthcare.evaluation.report import CAVEAT, EvaluationReport

HOSTILE = "<script>alert(1)</script>"
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "null": type(None),
}


def published() -> dict[str, Any]:
    path = resources.files("synthetic_healthcare.evaluation") / "report.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def faults(data: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "$") -> list[str]:
    """Check plain data by the part of JSON Schema that the published file uses."""
    if "$ref" in schema:
        return faults(data, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, path)
    known = {"$schema", "$defs", "title", "type", "required", "properties", "additionalProperties", "items"}
    assert set(schema) <= known | {"enum", "pattern", "minimum", "maximum"}, (
        f"{path}: this check is too small"
    )
    found = []
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        fits = any(isinstance(data, TYPES[name]) for name in names)
        if not fits or (isinstance(data, bool) and "boolean" not in names):
            return [f"{path}: {type(data).__name__} is not {names}"]
    if "enum" in schema and data not in schema["enum"]:
        found.append(f"{path}: {data!r}")
    if "pattern" in schema and not re.search(schema["pattern"], data):
        found.append(f"{path}: {data!r}")
    if isinstance(data, int | float) and not isinstance(data, bool):
        low, high = schema.get("minimum", data), schema.get("maximum", data)
        found += [] if low <= data <= high else [f"{path}: {data}"]
    if isinstance(data, dict):
        found += [f"{path}: lacks {name}" for name in schema.get("required", ()) if name not in data]
        for name, value in data.items():
            if name in schema.get("properties", {}):
                found += faults(value, schema["properties"][name], root, f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{path}: {name} is not known")
    if isinstance(data, list) and "items" in schema:
        for place, value in enumerate(data):
            found += faults(value, schema["items"], root, f"{path}[{place}]")
    return found


def check(report: EvaluationReport) -> None:
    data, schema = json.loads(report.to_json()), published()
    assert faults(data, schema, schema) == []
    try:
        from jsonschema import validate
    except ModuleNotFoundError:
        return
    validate(data, schema)


def test_json_follows_the_published_schema(report: EvaluationReport) -> None:
    check(report)
    check(report.release())
    broken = json.loads(report.to_json()) | {"verdict": "MAYBE", "extra": 1}
    schema = published()
    assert faults(broken, schema, schema) == ["$.verdict: 'MAYBE'", "$: extra is not known"]


def test_a_report_is_a_mapping_of_three_scores(report: EvaluationReport) -> None:
    for name in ("utility", "privacy", "fairness"):
        assert {f"{name}_score", f"{name}_score_lower", f"{name}_score_upper", f"{name}_reason"} <= set(
            report
        )
    assert report["fairness_score"] is None
    assert report["fairness_reason"]


def test_markdown_is_inert_and_complete(report: EvaluationReport) -> None:
    words = report.to_markdown()
    assert HOSTILE not in words
    assert "&lt;script&gt;" in words
    for part in ("INCONCLUSIVE", "0.84 to 0.90", "**Confidential", "no column of times", CAVEAT):
        assert part in words
    tables = [line for line in words.splitlines() if line.startswith("|")]
    assert len(tables) > 15
    # A name with a bar in it does not make another column.
    pipes = replace(report.results[0], title="a|b")
    line = next(one for one in replace(report, results=(pipes,)).to_markdown().splitlines() if "a\\|b" in one)
    assert len(re.findall(r"(?<!\\)\|", line)) == 6


def test_every_picture_stands_alone(report: EvaluationReport) -> None:
    assert {"score: utility", "column: age", "associations: difference", "projection"} <= set(
        report.figures_available
    )
    assert "training: critic" in report.figures_available
    for name in report.figures_available:
        picture = report.figure(name)
        root = ElementTree.fromstring(picture)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert float(root.attrib["width"]) > 0
        assert HOSTILE not in picture
        assert "url(" not in picture
        assert "@import" not in picture
        assert not any("href" in attribute for one in root.iter() for attribute in one.attrib)


def test_an_unknown_picture_is_refused_with_the_list(report: EvaluationReport) -> None:
    with pytest.raises(EvaluationError, match=r"'age'.*column: age"):
        report.figure("age")


def test_what_leaves_is_rounded_and_holds_no_patient(report: EvaluationReport) -> None:
    fair = MetricResult(
        "gap", "Gap", "fairness", "lower", (0.0, 1.0), "ok", 0.12345, 0.1111, 0.2222, 0.3333,
        detail={
            "table": {"columns": ["Group", "Patients", "Rate"], "rows": [["a", 7, 0.98765], ["b", 60, 0.5]]},
            "rows_behind": [1, 2, 3],
        },
    )  # fmt: skip
    view = replace(report, results=(*report.results, fair)).release()
    data = view.to_dict()
    assert data["confidential"] is False
    assert any("projection" in words for words in data["removed"])
    assert view.figures["projection"] is None
    assert view.figures["training"] == []
    gap = view.results[-1]
    assert (gap.value, gap.lower, gap.upper, gap.ceiling) == (0.12, 0.11, 0.22, 0.33)
    assert gap.detail == {
        "table": {"columns": ["Group", "Patients", "Rate"], "rows": [["a", None, 0.99], ["b", 60, 0.5]]}
    }
    assert all(result.detail == {} for result in view.results if result.family == "privacy")
    # A failed metric's message may quote a cell.
    assert HOSTILE not in "".join(result.reason for result in view.results)
    assert "notes" not in view.context
    floats = re.findall(r"\d+\.\d+", json.dumps([data[name] for name in ("utility", "privacy", "results")]))
    assert all(len(one.split(".")[1]) <= 2 for one in floats)


def test_the_page_of_what_leaves_says_so(report: EvaluationReport) -> None:
    page = render(report.release())
    assert "Release view." in page
    assert "Confidential" not in page
    assert "Each mark is one row" not in page
    assert CAVEAT in page


def test_small_counts_are_withheld() -> None:
    assert rounded({"a": [1, 10, 11, 0], "b": 0.005, "c": True, "d": float("inf"), "e": "x"}) == {
        "a": [None, None, 11, 0],
        "b": 0.01 if round(0.005, 2) == 0.01 else 0.0,
        "c": True,
        "d": None,
        "e": "x",
    }

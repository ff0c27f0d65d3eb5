"""The language of rules: what it takes, what it refuses, and the place that it names."""

from __future__ import annotations

import pytest

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.rules.expression import Expression


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("diastolic < systolic", ("diastolic", "systolic")),
        ("low <= mean <= high", ("low", "mean", "high")),
        (
            "gcs_eye + gcs_verbal + gcs_motor == gcs_total",
            ("gcs_eye", "gcs_verbal", "gcs_motor", "gcs_total"),
        ),
        ("abs(bmi - weight / (`height in cm` / 100) ** 2) < 1", ("bmi", "weight", "height in cm")),
        ("not (sex == 'F') or missing(pregnant)", ("sex", "pregnant")),
        ("'O8*' in diagnoses", ("diagnoses",)),
        ("ward in ['north', \"a `quoted` word\"]", ("ward",)),
        ("`class` == 1 and `in` == 2", ("class", "in")),
        ("µg > 0", ("µg",)),
        ("-x < 3", ("x",)),
        ("min(a, b) <=\n  a", ("a", "b")),
    ],
)
def test_columns_are_found(text: str, columns: tuple[str, ...]) -> None:
    assert Expression(text).columns == columns


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a <", 4, "no expression"),
        ("a < __import__('os')", 5, "no such function"),
        ("a.real < 3", 1, "not allowed"),
        ("a[0] < 3", 1, "not allowed"),
        ("(lambda: a)() < 3", 1, "no such function"),
        ("[x for x in a]", 1, "not allowed"),
        ("a < f'{b}'", 5, "not allowed"),
        ("(a < 3) & (b < 4)", 1, "'and' and 'or'"),
        ("a % 2 == 0", 1, "not allowed"),
        ("a is None", 6, "None cannot be compared|missing"),
        ("a == None", 6, "missing"),
        ("smoker == true", 11, "write True"),
        ("a == 1j", 6, "complex"),
        ("a == 1e999", 6, "too large"),
        ("a == b'x'", 6, "bytes"),
        ("a == [1, 2]", 6, "right of 'in'"),
        ("a in [b, 1]", 7, "numbers and text"),
        ("a in 'xyz'", 6, "list"),
        ("a in [1] < 2", 6, "chain"),
        ("min(a) < 2", 1, "2 to 20 arguments"),
        ("missing(a + b)", 9, "one column"),
        ("round(a, b) == 2", 10, "digits"),
        ("äöü == ß and x.y", 14, "not allowed"),
        ("`height in cm` < a.b", 18, "not allowed"),
    ],
)
def test_everything_else_is_refused_with_its_place(text: str, place: int, problem: str) -> None:
    with pytest.raises(RuleError, match=f"(?s)^at character {place} of .*({problem})"):
        Expression(text)


@pytest.mark.parametrize(
    "text", ["", "a = b", "1 < 2", "'a' == 'b'", "(" * 500 + "a" + ")" * 500, "a" * 3000, "a\0b"]
)
def test_what_is_no_expression_at_all_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        Expression(text)

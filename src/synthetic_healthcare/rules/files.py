"""Rules as plain data and as YAML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml

from synthetic_healthcare.errors import RuleError
from synthetic_healthcare.plain_yaml import load_plain
from synthetic_healthcare.rules.expression import Expression
from synthetic_healthcare.rules.forms import (
    MOST_COMBINATIONS,
    Cell,
    Combination,
    Form,
    Holds,
    Implies,
    MissingExactly,
    MissingTogether,
    NotMissingTogether,
    Range,
    plain_number,
)
from synthetic_healthcare.rules.pack import ENFORCE, REPAIRS, Enforce, Repair, Rule, named
from synthetic_healthcare.rules.repair import check_repair
from synthetic_healthcare.schema.spelling import unknown

_VERSION: Final = 1
_TOP: Final = ("version", "rules", "enforce")
_COMMON: Final = ("repair", "enforce", "source", "real_rate")
#: What a form is known by -> the other keys that belong to it.
_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "holds": (),
    "then": ("when",),
    "range": (),
    "combination": ("allowed", "learnt"),
    "missing": ("iff",),
    "missing_together": (),
    "not_missing_together": (),
}


def rules_from_yaml(source: str | Path) -> tuple[Rule, ...]:
    """Read rules from a YAML file or from YAML text of more than one line."""
    if isinstance(source, str) and "\n" in source:
        return rules_from_dict(_parse_yaml(source))
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RuleError(f"rule file {str(path)!r} does not exist") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise RuleError(f"rule file {str(path)!r} is not a text file") from error
    try:
        return rules_from_dict(_parse_yaml(text))
    except RuleError as error:
        raise RuleError(f"{path}: {error}") from error


def rules_from_dict(data: Any) -> tuple[Rule, ...]:
    """Read rules from plain data."""
    if not isinstance(data, Mapping):
        raise RuleError("a rule pack holds the keys 'version' and 'rules'")
    for key in data:
        if key not in _TOP:
            raise RuleError(unknown("key", str(key), _TOP))
    if data.get("version", _VERSION) != _VERSION:
        raise RuleError(f"the pack has a version other than {_VERSION}, the only one that this release reads")
    blocks = data.get("rules")
    if not isinstance(blocks, Mapping) or not blocks:
        raise RuleError("'rules' must hold at least one block, each under the rule's name")
    default = _choice(data, "enforce", ENFORCE)
    return tuple(_rule(name, block, cast("Enforce", default)) for name, block in blocks.items())


def rules_to_dict(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return plain data that `rules_from_dict` reads."""
    return {"version": _VERSION, "rules": {rule.name: _block(rule) for rule in rules}}


def _block(rule: Rule) -> dict[str, Any]:
    block = {**rule.form.to_dict(), "repair": rule.repair, "enforce": rule.enforce}
    if rule.source:
        block["source"] = rule.source
    if rule.real_rate is not None:
        block["real_rate"] = rule.real_rate
    return block


def _rule(name: object, block: object, default: Enforce) -> Rule:
    if not isinstance(name, str) or not name.strip():
        raise RuleError("a rule has no name, or one that is not text. Put it in quotes")
    with named(name):
        if not isinstance(block, Mapping):
            raise RuleError("its block must hold fields such as 'holds: diastolic < systolic'")
        form = _form(block)
        repair = cast("Repair", _choice(block, "repair", REPAIRS))
        check_repair(form, repair)
        return Rule(
            name=name,
            form=form,
            repair=repair,
            enforce=cast("Enforce", _choice(block, "enforce", ENFORCE)) if "enforce" in block else default,
            source=_text(block, "source") if "source" in block else "",
            real_rate=_rate(block.get("real_rate")),
        )


def _form(block: Mapping[Any, Any]) -> Form:
    present = [key for key in _FORMS if key in block]
    if not present and "when" in block:
        raise RuleError("'when' says under which condition; 'then', what must hold under it, is not there")
    known = (*_FORMS, *(other for others in _FORMS.values() for other in others), *_COMMON)
    for key in block:
        if key not in known:
            raise RuleError(unknown("key", str(key), known))
    if len(present) != 1:
        found = " and ".join(map(repr, present)) or "none"
        raise RuleError(f"a rule has one of the keys {', '.join(map(repr, _FORMS))}; this one has {found}")
    allowed = (present[0], *_FORMS[present[0]], *_COMMON)
    for key in block:
        if key not in allowed:
            raise RuleError(f"the key {key!r} does not go with {present[0]!r}. " + _split_remedy(str(key)))
    return _MAKERS[present[0]](block)


def _split_remedy(key: str) -> str:
    if key == "when":
        return "Write 'when' inside the range, or a rule of 'when' and 'then'"
    return "Make it a rule of its own"


def _holds(block: Mapping[Any, Any]) -> Form:
    return Holds(_expression(block, "holds"))


def _implies(block: Mapping[Any, Any]) -> Form:
    return Implies(_expression(block, "when"), _expression(block, "then"))


def _range(block: Mapping[Any, Any]) -> Form:
    given = block["range"]
    if not isinstance(given, Mapping):
        raise RuleError("'range' holds a column and its ends: {column: age, within: [0, 120]}")
    known = ("column", "within", "when")
    for key in given:
        if key not in known:
            raise RuleError(unknown("key of 'range'", str(key), known))
    within = given.get("within")
    if not isinstance(within, list | tuple) or len(within) != 2:
        raise RuleError("'within' must be two values, such as [3, 25]; null leaves an end open")
    low, high = (None if end is None else _cell(end) for end in within)
    if low is None and high is None:
        raise RuleError("'within' has two open ends, so that nothing is asked. Give one of them")
    if low is not None and high is not None and (isinstance(low, str) != isinstance(high, str) or low > high):  # type: ignore[operator]
        raise RuleError("'within' must be two numbers or two dates, the lower one first")
    when = _expression(given, "when") if "when" in given else None
    return Range(_text(given, "column"), low, high, when)


def _combination(block: Mapping[Any, Any]) -> Form:
    names = _names(block, "combination", fewest=2)
    allowed = block.get("allowed")
    if allowed == "observed":
        learnt = block.get("learnt")
        return Combination(names, None if learnt is None else _combinations(learnt, names), observed=True)
    if "learnt" in block:
        raise RuleError("'learnt' goes with 'allowed: observed' only")
    return Combination(names, _combinations(allowed, names))


def _combinations(given: object, names: tuple[str, ...]) -> tuple[tuple[Cell, ...], ...]:
    if not isinstance(given, list | tuple) or not given:
        raise RuleError(
            "'allowed' must be a list of combinations, such as [[F, 1], [M, 0]], or the word observed"
        )
    if len(given) > MOST_COMBINATIONS:
        raise RuleError(f"{len(given):,} combinations are no fixed set; at most {MOST_COMBINATIONS:,}")
    for place, one in enumerate(given, start=1):
        if not isinstance(one, list | tuple) or len(one) != len(names):
            raise RuleError(f"combination {place} must be a list of {len(names)} values, one a column")
    return tuple(tuple(_cell(cell) for cell in one) for one in given)


def _missing(block: Mapping[Any, Any]) -> Form:
    return MissingExactly(_names(block, "missing", fewest=1), _expression(block, "iff"))


def _missing_together(block: Mapping[Any, Any]) -> Form:
    return MissingTogether(_names(block, "missing_together", fewest=2))


def _not_missing_together(block: Mapping[Any, Any]) -> Form:
    return NotMissingTogether(_names(block, "not_missing_together", fewest=2))


_MAKERS: Final[Mapping[str, Callable[[Mapping[Any, Any]], Form]]] = {
    "holds": _holds,
    "then": _implies,
    "range": _range,
    "combination": _combination,
    "missing": _missing,
    "missing_together": _missing_together,
    "not_missing_together": _not_missing_together,
}


def _expression(block: Mapping[Any, Any], key: str) -> Expression:
    return Expression(_text(block, key).strip())


def _text(block: Mapping[Any, Any], key: str) -> str:
    value = block.get(key)
    if not isinstance(value, str) or not value.strip():
        found = "is not there" if value is None else f"is {type(value).__name__}"
        raise RuleError(f"{key!r} must be text, and {found}. Put it in quotes where YAML reads it otherwise")
    return value


def _names(block: Mapping[Any, Any], key: str, *, fewest: int) -> tuple[str, ...]:
    value = block[key]
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise RuleError(f"{key!r} must be a list of column names")
    if len(set(names)) < max(fewest, len(names)):
        raise RuleError(f"{key!r} must name {fewest} columns or more, each once")
    return tuple(names)


def _choice(block: Mapping[Any, Any], key: str, known: Sequence[str]) -> str:
    """Return a setting; the first of the known ones where it is not given."""
    value = block.get(key, known[0])
    if value not in known:
        raise RuleError(unknown(f"setting of {key!r}", str(value), known))
    return str(value)


def _rate(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise RuleError("'real_rate' must be a share from 0 to 1; it is learnt from the real table")
    return float(value)


def _cell(value: object) -> Cell:
    """Read a number, text or date of the YAML."""
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool | int | float):
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            raise RuleError("a value is no finite number")
        return plain_number(number)
    if isinstance(value, str):
        return value
    raise RuleError(f"a value must be a number, text or a date, not {type(value).__name__}")


def _parse_yaml(text: str) -> Any:
    try:
        return load_plain(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" at line {mark.line + 1}"
        problem = getattr(error, "problem", None)
        raise RuleError(
            f"the rules are not valid YAML{place}: {problem}. Check indentation and colons; put an "
            "expression in quotes that starts with one, or has a colon, #, or within { } a comma or bracket"
        ) from error

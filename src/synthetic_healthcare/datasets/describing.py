"""What there is to say about a dataset, from its facts alone: as text, as data, and as a page of the docs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from synthetic_healthcare.datasets.dataset import About, ColumnNote
from synthetic_healthcare.datasets.registry import MIMIC, about, available, recipe
from synthetic_healthcare.schema.column import Column
from synthetic_healthcare.schema.schema import Schema

_HEAD: Final = ("column", "kind", "role", "unit", "values", "missing", "meaning")


def describe(name: str) -> dict[str, Any]:
    """Plain data: what the dataset is, what it is licensed under, and every column.

    Nothing is fetched or read; of "mimic-iii", whose columns are made when it is loaded, there are none.
    """
    said = about(name)
    facts = {
        "name": name,
        "title": said.title,
        "licence": said.licence,
        "citation": said.citation,
        "source": said.source,
        "warnings": list(said.warnings),
        "notes": list(said.notes),
        "datasheet": [list(pair) for pair in said.datasheet],
    }
    if name == MIMIC:
        return {**facts, "rows": None, "target": None, "columns": []}
    official = recipe(name)
    assert official.schema is not None
    fetched = None if official.remote is None else official.remote.url
    return {
        **facts,
        "rows": official.rows,
        "target": official.schema.target,
        "fetched_from": fetched,
        "columns": columns(official.schema, said),
    }


def columns(schema: Schema, said: About) -> list[dict[str, Any]]:
    """One entry a column: what the schema says of it, and what its codes stand for."""
    notes = {note.name: note for note in said.dictionary}
    return [_column(column, notes.get(column.name)) for column in schema.columns]


def _column(column: Column, note: ColumnNote | None) -> dict[str, Any]:
    return {
        "column": column.name,
        "kind": column.kind,
        "role": column.role,
        "unit": column.unit,
        "values": _values(column, note),
        "missing": column.nullable,
        "meaning": column.reason if note is None else note.meaning,
    }


def _values(column: Column, note: ColumnNote | None) -> str:
    """The declared domain: codes with their labels, or a range."""
    if column.bounds is not None:
        return f"{column.bounds[0]:g} to {column.bounds[1]:g}"
    labels = dict(note.codes) if note is not None else {}
    codes = column.categories or ()
    shown = ((str(code), labels.get(code, "")) for code in codes)
    return ", ".join(code if label in ("", code) else f"{code} {label}" for code, label in shown)


def as_text(facts: dict[str, Any]) -> str:
    """For a terminal."""
    lines = [f"{facts['name']}: {facts['title']}", _size(facts), ""]
    widths = [max((len(_cell(each, key)) for each in facts["columns"]), default=0) for key in _HEAD[:4]]
    for each in facts["columns"]:
        start = "  ".join(_cell(each, key).ljust(width) for key, width in zip(_HEAD[:4], widths, strict=True))
        missing = "; may be missing" if each["missing"] else ""
        lines.append(f"  {start}  {each['meaning']}: {each['values']}{missing}")
    lines += ["" if facts["columns"] else "Its columns are made when it is loaded.\n"]
    lines += [f"{key.capitalize()}: {facts[key]}" for key in ("licence", "citation", "source")]
    lines += [f"Warning: {text}" for text in facts["warnings"]]
    lines += [f"Note: {text}" for text in facts["notes"]]
    return "\n".join(lines)


def as_markdown(facts: dict[str, Any]) -> str:
    """One section of docs/datasets.md."""
    return "\n".join(_section(facts)) + "\n"


def _section(facts: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {facts['name']}\n"
    yield f"{facts['title']}. {_size(facts)}\n"
    for text in facts["warnings"]:
        yield f"**Warning:** {text}.\n"
    if facts["columns"]:
        yield "| " + " | ".join(_HEAD) + " |"
        yield "|" + " --- |" * len(_HEAD)
    for each in facts["columns"]:
        yield "| " + " | ".join(_cell(each, key).replace("|", "\\|") for key in _HEAD) + " |"
    yield ""
    for question, answer in facts["datasheet"]:
        yield f"- **{question}** {answer}"
    for text in facts["notes"]:
        yield f"- {text}"
    for key in ("licence", "citation", "source"):
        yield f"- {key.capitalize()}: {facts[key]}"


def _size(facts: dict[str, Any]) -> str:
    if facts["rows"] is None:
        return "A folder of tables, from which a cohort is built."
    return f"{facts['rows']:,} rows x {len(facts['columns'])} columns; target `{facts['target']}`."


def _cell(each: dict[str, Any], key: str) -> str:
    value = each[key]
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)


def listing() -> list[dict[str, Any]]:
    """One entry a dataset: its size, its licence, and whether its file is on this machine."""
    from synthetic_healthcare.datasets.loading import located

    found = []
    for name in available():
        facts = describe(name)
        if name == MIMIC:
            where = "give path=FOLDER"
        else:
            official, place = recipe(name), located(name)
            ships = official.remote is None and official.local is None
            absent = "can be fetched" if official.remote is not None else "give path=FILE"
            where = str(place) if place is not None else "ships with scikit-learn" if ships else absent
        size = {"rows": facts["rows"], "columns": len(facts["columns"]) or None}
        found.append({"name": name, "title": facts["title"], **size, "where": where})
    return found

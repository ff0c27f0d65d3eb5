"""The gate on tails: no file, function, class, parameter list or nesting outgrows what a reader can hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "benchmarks", "examples")

FILE_LINES = 400
FUNCTION_LINES = 60
CLASS_LINES = 250
CLASS_METHODS = 15
PARAMETERS = 8
NESTING = 3

#: Promised to users word for word: `fit(data, ..., monitor=, ledger=)` beside all that it took before.
PROMISED = {"src/synthetic_healthcare/generator.py": "function fit with 10 parameters"}

VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
Block = (
    ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar | ast.Match
)


def _length(node: ast.ClassDef | Function) -> int:
    """Lines of a definition without its docstrings: explaining more must never cost a gate."""
    assert node.end_lineno is not None
    definitions = [n for n in ast.walk(node) if isinstance(n, ast.ClassDef | Function)]
    return node.end_lineno - node.lineno + 1 - sum(map(_docstring_lines, definitions))


def _docstring_lines(node: ast.ClassDef | Function) -> int:
    if ast.get_docstring(node) is None:
        return 0
    text = node.body[0]
    assert text.end_lineno is not None
    return text.end_lineno - text.lineno + 1


def _parameters(function: Function) -> int:
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def _command(path: Path) -> str | None:
    # A command of the command line has one parameter for each of its flags; there is no other way. It is the
    # function that bears its file's name.
    return path.stem if path.parent.name == "cli" else None


def _nesting(node: ast.AST, *, depth: int = 0) -> int:
    deepest = depth
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, Function | ast.ClassDef | ast.Lambda):
                continue
            # `elif` is an `if` alone in an `else`: it reads at the level of the first `if`.
            is_elif = isinstance(node, ast.If) and name == "orelse" and isinstance(child, ast.If)
            step = isinstance(child, Block) and not (is_elif and len(node.orelse) == 1)
            deepest = max(deepest, _nesting(child, depth=depth + step))
    return deepest


def _tails(source: str, *, command: str | None = None) -> Iterator[str]:
    lines = source.count("\n")
    if lines > FILE_LINES:
        yield f"1: file of {lines} lines (at most {FILE_LINES})"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield from _class_tails(node)
        elif isinstance(node, Function):
            yield from _function_tails(node, command)


def _class_tails(node: ast.ClassDef) -> Iterator[str]:
    methods = sum(isinstance(child, Function) for child in node.body)
    if _length(node) > CLASS_LINES:
        yield f"{node.lineno}: class {node.name} of {_length(node)} lines (at most {CLASS_LINES})"
    if methods > CLASS_METHODS:
        yield f"{node.lineno}: class {node.name} with {methods} methods (at most {CLASS_METHODS})"


def _function_tails(node: Function, command: str | None) -> Iterator[str]:
    if _length(node) > FUNCTION_LINES:
        yield f"{node.lineno}: function {node.name} of {_length(node)} lines (at most {FUNCTION_LINES})"
    parameters = _parameters(node)
    if parameters > PARAMETERS and node.name != command:
        yield f"{node.lineno}: function {node.name} with {parameters} parameters (at most {PARAMETERS})"
    if _nesting(node) > NESTING:
        yield f"{node.lineno}: function {node.name} nested {_nesting(node)} deep (at most {NESTING})"


def _files() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def test_the_gate_sees_the_package() -> None:
    assert ROOT / "src/synthetic_healthcare/errors.py" in _files()


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_tails(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    tails = _tails(path.read_text(encoding="utf-8"), command=_command(path))
    assert [f"{name}:{tail}" for tail in tails if PROMISED.get(name, tail + "?") not in tail] == []


def test_no_vague_module_names() -> None:
    vague = [
        path for path in _files() if path.stem.strip("_") in VAGUE_NAMES or path.parent.name in VAGUE_NAMES
    ]
    assert not vague


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("\n" * 401, "file of 401 lines"),
        ("def f():\n" + "    x = 1\n" * 60, "function f of 61 lines"),
        ("class C:\n" + "    x = 1\n" * 250, "class C of 251 lines"),
        ("class C:\n" + "".join(f"    def m{i}(self): ...\n" for i in range(16)), "class C with 16 methods"),
        ("def f(a, b, c, d, e, *, f, g, h, i): ...\n", "9 parameters"),
        ("def f():\n if 1:\n  for i in x:\n   with y:\n    while 1: ...\n", "nested 4 deep"),
        ("def f():\n if 1:\n  if 2:\n   if 3: ...\n   else:\n    if 4: ...\n    x = 1\n", "nested 4 deep"),
    ],
)
def test_the_gate_finds_each_tail(source: str, found: str) -> None:
    assert any(found in tail for tail in _tails(source))


@pytest.mark.parametrize(
    "source",
    [
        "\n" * 400,
        "class C:\n    def f(self, a, b, c, d, e, f, g, h): ...\n",
        "def f():\n    '''x\n" + "    y\n" * 60 + "    '''\n    return 1\n",
        "def f():\n if 1: ...\n elif 2: ...\n elif 3: ...\n elif 4: ...\n elif 5: ...\n",
        "def f():\n if 1:\n  for i in x:\n   def g():\n    if 2: ...\n",
    ],
)
def test_the_gate_lets_the_rest_pass(source: str) -> None:
    assert list(_tails(source)) == []


def test_only_the_function_named_as_its_command_may_have_a_parameter_for_each_flag() -> None:
    many = "def {}(a, b, c, d, e, f, g, h, i): ...\n"
    assert list(_tails(many.format("fit"), command="fit")) == []
    assert list(_tails(many.format("other"), command="fit")) != []
    assert _command(Path("src/synthetic_healthcare/cli/fit.py")) == "fit"
    assert _command(Path("src/synthetic_healthcare/models/fit.py")) is None

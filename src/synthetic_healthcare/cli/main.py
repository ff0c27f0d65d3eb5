"""The entry point: puts the commands together, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from synthetic_healthcare.cli import (
    certify,
    compare,
    datasets,
    demo,
    evaluate,
    fit,
    generate,
    impute,
    inspect,
    models,
    rules,
    schema,
)
from synthetic_healthcare.cli.output import EPILOG, REFUSED, UNEXPECTED
from synthetic_healthcare.errors import SyntheticHealthcareError
from synthetic_healthcare.version import __version__

INTERRUPTED: Final = 130

app = typer.Typer(
    name="synthetic-healthcare",
    help="Learn a table of patients, give back synthetic patients, with honest evidence.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    demo.demo,
    fit.fit,
    generate.generate,
    impute.impute,
    evaluate.evaluate,
    certify.certify,
    compare.compare,
    models.models,
    inspect.inspect,
):
    app.command(epilog=EPILOG)(command)
app.add_typer(schema.app, name="schema")
app.add_typer(datasets.app, name="datasets")
app.add_typer(rules.app, name="rules")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Learn a table of patients, give back synthetic patients, with honest evidence."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process. `--debug`, at any place, shows the traceback of an error.
    """
    # Idle OpenMP threads sleep instead of spinning; read when torch is first loaded, which no module of the
    # command line does before a command runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        sys.exit(_run([argument for argument in given if argument != "--debug"], debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        app(arguments, prog_name="synthetic-healthcare", standalone_mode=True)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, debug=debug)
    except SyntheticHealthcareError as problem:
        return _fail(str(problem), REFUSED, debug=debug)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        return _fail(f"{where}{problem.strerror or type(problem).__name__}", REFUSED, debug=debug)
    except Exception as problem:  # noqa: BLE001 - the last line of defence: nothing is lost with --debug
        # Only the kind of error: the message of a stranger's exception may quote cells of the table.
        fault = f"unexpected {type(problem).__name__}, a fault of this program. Run again with --debug"
        return _fail(fault, UNEXPECTED, debug=debug)
    return 0


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    typer.echo(f"note: {' '.join(str(message).split())}", err=True)

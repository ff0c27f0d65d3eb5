"""`datasets`: real tables by name: which there are, what they hold, and how they are come by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from synthetic_healthcare.cli.data import AcceptTerms, Data, tell_fetch
from synthetic_healthcare.cli.output import EPILOG, Json, describe_file, print_json
from synthetic_healthcare.errors import ConfigError

app = typer.Typer(help="Real tables by name.", no_args_is_help=True)

_PAGE: Final = """\
# Datasets

Written by `synthetic-healthcare datasets describe --markdown > docs/datasets.md`. In a shell a name stands
wherever a command takes a table (`fit uci-heart -o heart.shm`), `NAME=PATH` is your own copy. In Python:

```python
from synthetic_healthcare import SyntheticDataGenerator, datasets

cancer = datasets.load("breast-cancer")
generator = SyntheticDataGenerator(random_state=0).fit(cancer.data, schema=cancer.schema)
```

A file is taken from the folder that `SYNTHETIC_HEALTHCARE_DATA` names, else from the cache
(`SYNTHETIC_HEALTHCARE_CACHE`, or the system's own place), else it is fetched from the official place, checked
and kept. Nothing is fetched without being asked for by name. Your own tables, databases and files to join are
in [tables.md](tables.md).

The values of a column below are declared from the documents of a dataset and from what is plausible, not read
from its rows: under differential privacy they cost nothing.
"""


@app.callback()
def _group() -> None:
    """Real tables by name: list, fetch, describe."""


@app.command("list", epilog=EPILOG)
def list_datasets(as_json: Json = False) -> None:
    """List the datasets, and which of them are on this machine.

    Example: synthetic-healthcare datasets list
    """
    from synthetic_healthcare.datasets.describing import listing

    found = listing()
    if as_json:
        print_json(found)
        return
    for each in found:
        size = "" if each["rows"] is None else f"{each['rows']:,} x {each['columns']}"
        typer.echo(f"{each['name']:<16} {size:>13}  {each['title']} ({each['where']})")


@app.command("fetch", epilog=EPILOG)
def fetch(name: Annotated[str, typer.Argument(help="See `datasets list`.")], as_json: Json = False) -> None:
    """Bring a dataset's file to this machine and check it.

    Example: synthetic-healthcare datasets fetch uci-heart
    """
    from synthetic_healthcare.datasets import fetch as bring
    from synthetic_healthcare.progress import default_progress

    tell_fetch(name)
    place = bring(name, progress=default_progress())
    if as_json:
        file = {} if place is None else {"file": str(place), **describe_file(place)}
        print_json({"name": name, **file})
    elif place is None:
        typer.echo(f"{name} ships with a dependency: there is nothing to fetch")
    else:
        facts = describe_file(place)
        typer.echo(f"{place} ({facts['bytes']:,} bytes, SHA-256 {facts['sha256']})")


@app.command("describe", epilog=EPILOG)
def describe(
    name: Annotated[str | None, typer.Argument(help="One dataset; left out, with --markdown: all.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the page of the docs.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a dataset holds: columns, codes, licence, citation, warnings. Nothing is fetched.

    Example: synthetic-healthcare datasets describe uci-heart
    """
    from synthetic_healthcare.datasets import available
    from synthetic_healthcare.datasets.describing import as_markdown, as_text
    from synthetic_healthcare.datasets.describing import describe as told

    if name is None and not markdown:
        raise ConfigError(f"name a dataset: {', '.join(available())}")
    facts = [told(each) for each in (available() if name is None else (name,))]
    if as_json:
        print_json(facts[0] if name is not None else facts)
    elif markdown:
        typer.echo("".join([*([_PAGE] if name is None else []), *map(as_markdown, facts)]), nl=False)
    else:
        typer.echo(as_text(facts[0]))


@app.command("export", epilog=EPILOG)
def export(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--output", help="Where to write the table: .csv or .parquet.")],
    schema: Annotated[Path | None, typer.Option(help="Where to write its schema, as YAML.")] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict, in place of its own.")] = None,
    accept_terms: AcceptTerms = False,
) -> None:
    """Write a dataset as one table, with its schema: also what is built or joined from several files.

    Example: synthetic-healthcare datasets export mimic-iii=FOLDER -o stays.parquet --schema stays.yaml
    """
    from synthetic_healthcare.datasets import available, load
    from synthetic_healthcare.progress import default_progress
    from synthetic_healthcare.tables import write_table

    name, _, place = data.partition("=")
    if name in available() and not place:
        tell_fetch(name)
    known = name in available()
    found = load(
        name if known else data,
        path=place or None if known else None,
        target=target,
        accept_terms=accept_terms,
        progress=default_progress(),
    )
    write_table(found.data, out)
    if schema is not None:
        schema.write_text(found.schema.to_yaml(), encoding="utf-8")
    typer.echo(f"{out}: {len(found.data):,} rows, {found.data.shape[1]} columns. {found.about.licence}")

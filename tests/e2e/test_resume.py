"""A fit that is killed and started again ends where an uninterrupted one does, to the last bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthetic_healthcare import SyntheticDataGenerator, models
from synthetic_healthcare.artifacts.store import read_model
from synthetic_healthcare.errors import CheckpointError
from synthetic_healthcare.models._base import TrainedModel

MakeTable = Callable[..., pd.DataFrame]
Fit = Callable[..., SyntheticDataGenerator]

#: Models that are trained in steps and can be fitted without a budget.
RESUMABLE = tuple(
    name
    for name, kind in ((name, models.model_class(name)) for name in models.available())
    if issubclass(kind, TrainedModel) and not kind.requires_privacy
)

#: Run as a program: `MODEL RUN/MOMENT...`. It fits once without a checkpoint, then forks a fit for each
#: moment that dies then, and prints how each ended; forks share what imports and first calls take.
_FITS = """
import os, pathlib, signal, sys, time, traceback
import pandas
from synthetic_healthcare import SyntheticDataGenerator, files
from synthetic_healthcare.training import trainer


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(function, number):
    calls = iter(range(1, 1000))
    return lambda *given: die() if next(calls) == number else function(*given)


def fit(name, run, checkpoint, moment):
    place, _, number = moment.partition(":")
    if place == "update":
        trainer.Trainer._update = deadly(trainer.Trainer._update, int(number))
    elif place == "check":
        trainer.Trainer._check = deadly(trainer.Trainer._check, int(number))
    elif place == "rename":
        # The draft of the checkpoint is on the disk and does not bear its name yet.
        files.os.replace = deadly(os.replace, int(number))
    elif place == "save":
        SyntheticDataGenerator.save = die
    training = {"checkpoint_every": 7, "checks": 6, "threads": 1}
    settings = {"model": {"type": name, "training": training}}
    generator = SyntheticDataGenerator.from_config(settings, random_state=5)
    patients = pandas.read_csv("patients.csv")
    generator.fit(patients, epochs=4, target="outcome", checkpoint=checkpoint)
    generator.save(f"{run}.shm")


def kill_when_saved(child, checkpoint):
    for _ in range(20_000):
        if any(pathlib.Path(checkpoint).glob("*")):
            break
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)


name, *moments = sys.argv[1:]
fit(name, "whole", None, "never")
for run, moment in (moment.split("/") for moment in moments):
    child = os.fork()
    if not child:
        code = 1
        try:
            fit(name, run, f"{run}.checkpoint", moment)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if moment == "outside":
        kill_when_saved(child, f"{run}.checkpoint")
    print(moment, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def _ends(folder: Path, name: str, *moments: str) -> list[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", _FITS, name, *moments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes with signals")
@pytest.mark.parametrize("name", RESUMABLE)
def test_killed_again_and_again_it_ends_in_the_same_model(
    name: str, plain_table: MakeTable, tmp_path: Path
) -> None:
    """60 updates, saved every 7: killed before the first save, from outside, while writing, at the end."""
    plain_table(300).to_csv(tmp_path / "patients.csv", index=False)
    moments = ["update:3", "update:18", "rename:2", "check:2", "save"]
    given = [f"inside/{moment}" for moment in moments]
    ends = _ends(tmp_path, name, *given, "inside/never", "outside/outside", "outside/never")
    assert ends[:5] == [f"{moment} {-signal.SIGKILL}" for moment in moments]
    # A signal from outside comes when it comes; on a busy machine, it may come too late.
    assert ends[6] in (f"outside {-signal.SIGKILL}", "outside 0")
    assert (ends[5], ends[7]) == ("never 0", "never 0")
    whole, inside, outside = (tmp_path / f"{run}.shm" for run in ("whole", "inside", "outside"))
    weights, resumed = (read_model(path)[1]["weights"] for path in (whole, inside))
    assert weights
    for key, value in weights.items():
        np.testing.assert_array_equal(resumed[key], value)
    assert whole.read_bytes() == inside.read_bytes() == outside.read_bytes()


def test_without_a_seed_a_fit_goes_on_with_that_of_its_checkpoint(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    first, second = (quick_fit(plain_table(), seed=None, checkpoint=tmp_path) for _ in range(2))
    assert first.describe()["seed"] == second.describe()["seed"]
    assert first.generate(50).equals(second.generate(50))


@pytest.mark.parametrize(
    ("differing", "change"),
    [
        ("table", {"rows": 130}),
        ("seed", {"seed": 1}),
        ("settings", {"epochs": 2}),
        ("settings", {"model": "wgan-gp"}),
        ("holdout", {"holdout": 0.3}),
        ("schema", {"target": "outcome"}),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_by_name(
    differing: str, change: dict[str, object], plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    quick_fit(plain_table(120), checkpoint=tmp_path)
    changed = {"rows": 120, **change}
    rows = changed.pop("rows")
    with pytest.raises(CheckpointError, match=rf"another run: its .*{differing}.* Give another folder"):
        quick_fit(plain_table(rows), checkpoint=tmp_path, **changed)


def test_a_fit_that_ran_out_of_time_goes_on_when_given_more(
    plain_table: MakeTable, quick_fit: Fit, tmp_path: Path
) -> None:
    short = quick_fit(plain_table(), epochs=20, max_seconds=1e-3, checkpoint=tmp_path).describe()["training"]
    assert short["ended"] == "max_seconds"
    more = quick_fit(plain_table(), epochs=20, max_seconds=60, checkpoint=tmp_path).describe()["training"]
    assert more["ended"] != "max_seconds"
    assert more["updates"] > short["updates"]


def test_a_checkpoint_holds_no_rows(plain_table: MakeTable, quick_fit: Fit, tmp_path: Path) -> None:
    """Weights, optimiser, random state and curves: none of it has an entry for each training row."""
    sizes = []
    for rows in (210, 420):
        quick_fit(plain_table(rows), checkpoint=tmp_path / str(rows), epochs=2)
        _, tensors = read_model(next((tmp_path / str(rows)).iterdir()))
        del tensors["best"]  # one number for each row of the validation share, which trains nothing
        sizes.append({key: value.shape for group in tensors.values() for key, value in group.items()})
    assert sizes[0] == sizes[1]

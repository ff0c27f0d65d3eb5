"""Levers end to end: seeds, streams, files, gates, and what they may not give away."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import roc_auc_score

from synthetic_healthcare import models
from synthetic_healthcare.errors import ArtifactError
from synthetic_healthcare.models.independent import Independent
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.sampling.draw import CHUNK
from synthetic_healthcare.sampling.levers import Levers, draw_selected, fit_levers
from synthetic_healthcare.sampling.targets import read_targets
from synthetic_healthcare.schema.layout import Encoded, expand
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.transforms.config import TransformConfig
from synthetic_healthcare.transforms.encoder import fit_encoder

BOTH = SamplingConfig(select=True)
WRONG = {"link": 0.2, "stages": (0.3, 0.4, 0.3), "shift": 0.5}


def fitted(world: SimpleNamespace, config: SamplingConfig = BOTH) -> tuple[object, Levers]:
    source = world.model(**WRONG)
    rows = world.patients(2000, rng=np.random.default_rng(0))
    targets = read_targets(rows, config, rng=np.random.default_rng(0))
    return source, fit_levers(source, targets, config=config, seed=3)


def same(first: Encoded, second: Encoded) -> bool:
    return bool(np.array_equal(expand(first), expand(second)))


def test_equal_seeds_give_equal_rows_and_others_do_not(world: SimpleNamespace) -> None:
    source, levers = fitted(world)
    first, again, other = (
        world.together(draw_selected(source, levers, 500, seed=seed)) for seed in (1, 1, 2)
    )
    assert same(first, again)
    assert not same(first, other)


def test_strength_nought_gives_the_rows_of_the_model(world: SimpleNamespace) -> None:
    source, levers = fitted(world, SamplingConfig(select=True, strength=0.0))
    assert same(world.together(draw_selected(source, levers, 700, seed=1)), world.drawn(source, 700, seed=1))


def test_rows_come_in_any_number_in_chunks_and_none_twice(world: SimpleNamespace) -> None:
    source, levers = fitted(world)
    for n in (1, 10, CHUNK + 1000):
        chunks = list(draw_selected(source, levers, n, seed=4))
        assert sum(map(len, chunks)) == n
        assert max(map(len, chunks)) <= CHUNK
    ages = world.together(chunks).continuous[:, 0]
    drawn = world.drawn(source, len(ages), seed=4).continuous[:, 0]
    # Single precision makes a few numbers equal by chance, with or without the levers.
    assert len(np.unique(ages)) >= len(np.unique(drawn)) - 50


def test_gates_hold(world: SimpleNamespace) -> None:
    source, levers = fitted(world)
    rows = world.together(draw_selected(source, levers, 3000, seed=5))
    shut = rows.codes[:, 1] == 0
    assert 0.25 < shut.mean() < 0.35
    assert not rows.continuous[shut, 1].any()
    assert rows.continuous[~shut, 1].std() == pytest.approx(1.0, abs=0.1)
    assert rows.bits.max() == 1


def test_the_state_comes_back_from_a_file(world: SimpleNamespace) -> None:
    source, levers = fitted(world)
    facts, arrays = levers.to_state()
    again = Levers.from_state(json.loads(json.dumps(facts)), {name: a.copy() for name, a in arrays.items()})
    rows = (world.together(draw_selected(source, held, 400, seed=1)) for held in (levers, again))
    assert same(*rows)
    with pytest.raises(ArtifactError, match="not of version"):
        Levers.from_state({**facts, "version": 0}, arrays)


def test_an_idle_state_comes_back_too(world: SimpleNamespace) -> None:
    _, levers = fitted(world, SamplingConfig(strength=0.0))
    again = Levers.from_state(*levers.to_state())
    assert (again.calibration.parts, again.weights.tables) == ((), ())


def _membership(rows: Encoded, members: Encoded, others: Encoded) -> float:
    """AUC of the distance to the nearest row: learnt patients against others."""
    nearest = cdist(np.concatenate([expand(members), expand(others)]), expand(rows), "cityblock").min(axis=1)
    return float(roc_auc_score(np.repeat([1, 0], [len(members), len(others)]), -nearest))


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_membership_attacks_gain_nothing(load: object) -> None:
    frame = load(as_frame=True).frame  # type: ignore[operator]
    gains = []
    for split in range(4):
        order = np.random.default_rng(split).permutation(len(frame))
        cut = int(0.6 * len(frame))
        train, rest = (frame.iloc[rows].reset_index(drop=True) for rows in (order[:cut], order[cut:]))
        rng = np.random.default_rng(split)
        encoder = fit_encoder(train, Schema.infer(train), config=TransformConfig(), rng=rng)
        members, others = encoder.encode(train, rng), encoder.encode(rest, rng)
        model = models.build("independent", encoder.layout, Independent.Config())
        assert isinstance(model, Independent)
        model.fit(members, rng=rng)
        targets = read_targets(members, BOTH, rng=rng)
        levers = fit_levers(model, targets, config=BOTH, seed=split)
        plain = fit_levers(model, targets, config=SamplingConfig(strength=0.0), seed=split)
        assert levers.weights.tables, "a model of single columns has pairs to mend"
        for seed in range(5):
            with_levers, without = (
                _membership(next(draw_selected(model, held, cut, seed=seed)), members, others)
                for held in (levers, plain)
            )
            gains.append(with_levers - without)
    assert np.mean(gains) <= 0.01

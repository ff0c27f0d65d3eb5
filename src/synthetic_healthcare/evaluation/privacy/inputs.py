"""What the metrics of privacy ask for by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from synthetic_healthcare.evaluation.distances import Ownership, ownership
from synthetic_healthcare.evaluation.encoding import Encoder, Judged
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.privacy.attacks import Scores, attack_scores
from synthetic_healthcare.evaluation.privacy.cohort import Cohort, draw_cohort, near_radius
from synthetic_healthcare.evaluation.privacy.copied import Copied, near_copied
from synthetic_healthcare.evaluation.privacy.inference import infer, secrets_of
from synthetic_healthcare.evaluation.privacy.linking import link
from synthetic_healthcare.evaluation.privacy.nulls import Nulls, draw_nulls
from synthetic_healthcare.evaluation.privacy.people import AllKeys, People, distinguish
from synthetic_healthcare.evaluation.privacy.release import quasi_of
from synthetic_healthcare.evaluation.privacy.singling import single_out
from synthetic_healthcare.evaluation.privacy.tries import Tried
from synthetic_healthcare.evaluation.views import Field
from synthetic_healthcare.schema.schema import Schema

#: Pairs of rows that are compared one by one, and synthetic rows that take part at least.
_MAX_PAIRS: Final = 300_000_000
_MIN_CLOSEST: Final = 500


def _people(
    train: Judged, holdout: Judged, train_deep: Judged, holdout_deep: Judged, all_keys: AllKeys
) -> People:
    return distinguish(train, holdout, train_deep, holdout_deep, all_keys=all_keys)


def _cohort(people: People, options: EvaluationOptions) -> Cohort:
    return draw_cohort(people.train, people.holdout, seed=options.seed, by_chance=people.by_chance)


def _radius(people: People) -> float:
    return near_radius(people.holdout)


def _copied(synthetic_deep: Judged, people: People, radius: float) -> Copied:
    return near_copied(synthetic_deep, people.train, people.holdout, radius)


def _scores(cohort: Cohort, synthetic_deep: Judged, options: EvaluationOptions) -> Scores:
    return attack_scores(cohort, synthetic_deep, seed=options.seed)


def _owned(synthetic: Judged, people: People) -> Ownership:
    # All real rows that may be the nearest count; the fewer synthetic rows can be compared with them.
    train, holdout = people.train_deep.matrix, people.holdout_deep.matrix
    rows = max(_MIN_CLOSEST, _MAX_PAIRS // (len(train) + len(holdout)))
    return ownership(synthetic.matrix[:rows], train, second=holdout)


def _singled(
    synthetic: Judged, people: People, fields: tuple[Field, ...], rng: np.random.Generator
) -> tuple[Tried, ...]:
    return single_out(synthetic, people, fields=fields, rng=rng)


def _linked(
    synthetic: Judged, people: People, fields: tuple[Field, ...], encoder: Encoder, rng: np.random.Generator
) -> tuple[Tried, ...]:
    return link(synthetic, people, fields=fields, encoder=encoder, rng=rng)


def _inferred(
    synthetic: Judged, people: People, encoder: Encoder, schema: Schema, options: EvaluationOptions
) -> tuple[Tried, ...]:
    secrets = secrets_of(encoder.fields, schema)
    return infer(synthetic, people, secrets=secrets, encoder=encoder, seed=options.seed)


def _tries(
    singled: tuple[Tried, ...], linked: tuple[Tried, ...], inferred: tuple[Tried, ...]
) -> Mapping[str, tuple[Tried, ...]]:
    return {"singling_out": singled, "linkability": linked, "attribute_inference": inferred}


def _nulls(
    scores: Scores,
    copied: Copied,
    owned: Ownership,
    tries: Mapping[str, tuple[Tried, ...]],
    options: EvaluationOptions,
    rng: np.random.Generator,
) -> Nulls:
    members, controls = scores
    return draw_nulls(
        controls,
        copied,
        owned,
        tries=tries,
        members=len(members["A1"]),
        nulls=options.nulls,
        rng=rng,
    )


PRIVACY_INPUTS: Final[Mapping[str, Callable[..., Any]]] = {
    "people": _people,
    "cohort": _cohort,
    "radius": _radius,
    "scores": _scores,
    "owned": _owned,
    "copied": _copied,
    "singled": _singled,
    "linked": _linked,
    "inferred": _inferred,
    "tries": _tries,
    "quasi": quasi_of,
    "nulls": _nulls,
}

"""Tables as vectors, in the order of their rows: a certification has to know which row is which."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic_healthcare.evaluation.distances import nearest
from synthetic_healthcare.evaluation.encoding import Encoder, fit_encoder
from synthetic_healthcare.evaluation.views import View, check_columns, read_tables
from synthetic_healthcare.schema.schema import Schema

Matrix = npt.NDArray[np.float64]

_NEIGHBOURS = 5


def read(
    synthetic: pd.DataFrame, real: list[pd.DataFrame], *, schema: Schema
) -> tuple[Encoder, list[View], list[Matrix]]:
    """Encode a synthetic table and real ones alike, fitted on the real ones.

    Raises
    ------
    EvaluationError
        Where the generator gives other columns than the schema has.
    """
    check_columns(synthetic, schema, what="synthetic")
    fields, views = read_tables([synthetic, *real], schema)
    encoder = fit_encoder(fields, views[1:])
    return encoder, views, [encoder.encode(view) for view in views]


def most_isolated(train: pd.DataFrame, *, schema: Schema, records: int) -> npt.NDArray[np.intp]:
    """Positions of the rows with the largest mean distance to their 5 nearest others, shape (records,).

    Source: Meeus, Guepin, Cretu and de Montjoye 2023, "Achilles' heels: vulnerable record identification in
    synthetic data publishing", arXiv:2306.10308.
    """
    _, _, (matrix, _) = read(train, [train], schema=schema)
    apart = nearest(matrix, matrix, k=_NEIGHBOURS, same=True).mean(axis=1)
    return np.sort(np.argsort(-apart, kind="stable")[:records])

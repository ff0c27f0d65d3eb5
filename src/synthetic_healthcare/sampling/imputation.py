"""Fill the gaps of a table by draws from what the model learnt, given the cells that are there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from synthetic_healthcare.errors import ConfigError
from synthetic_healthcare.models._base import GenerativeModel, ImputingModel
from synthetic_healthcare.sampling.draw import CHUNK, chunk_stream, ready_to_sample
from synthetic_healthcare.schema.layout import Encoded
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.transforms.places import PRESENT


def impute(model: GenerativeModel, encoder: TableEncoder, frame: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return the table with its missing cells drawn; cells that are there stay as they are.

    Parameters
    ----------
    model : GenerativeModel
        One that can fill gaps.
    encoder : TableEncoder
        Of the table that was learnt.
    frame : DataFrame (n, columns)
        Of the same columns.
    seed : int
        Equal seeds give equal tables.

    Raises
    ------
    ConfigError
        The model cannot fill gaps.
    SchemaError
        The columns are not those that were learnt.
    """
    if not isinstance(model, ImputingModel):
        raise ConfigError(
            f"model {model.name!r} cannot fill gaps. Fit 'autoregressive': it draws any cells given others"
        )
    encoder.schema.check(frame)
    frame = frame[list(encoder.schema.names)]
    ready_to_sample(model)
    made = []
    for turn, start in enumerate(range(0, len(frame), CHUNK)):
        rng = np.random.default_rng([seed, turn])
        encoded, known = _gaps(encoder, frame.iloc[start : start + CHUNK], rng)
        with torch.inference_mode():
            drawn = model.complete(encoded, known, rng=chunk_stream(model, seed, turn))
        made.append(encoder.decode(drawn, rng, first_row=start))
    drawn_cells = pd.concat(made, ignore_index=True).set_index(frame.index)
    filled = frame.copy()
    for name in _with_gaps(encoder, frame):
        filled[name] = frame[name].mask(frame[name].isna(), drawn_cells[name])
    return filled


def _with_gaps(encoder: TableEncoder, rows: pd.DataFrame) -> list[str]:
    """Columns that have gaps and were learnt; identifiers and empty columns stay as they are."""
    return [
        name
        for name, fitted in zip(encoder.schema.names, encoder.fitted, strict=True)
        if fitted.spans and rows[name].isna().any()
    ]


def _gaps(
    encoder: TableEncoder, rows: pd.DataFrame, rng: np.random.Generator
) -> tuple[Encoded, npt.NDArray[np.bool_]]:
    """Encode rows as if nothing were missing, and say which parts are known."""
    encoded = encoder.encode(rows, rng)
    codes = encoded.codes.copy()
    known = np.ones((len(rows), len(encoder.layout.parts)), dtype=bool)
    for index, part in enumerate(encoder.layout.parts):
        if part.purpose == "present":
            # Gaps are to be filled, so everything exists.
            codes[:, part.store] = PRESENT
        else:
            known[:, index] = rows[part.column].notna().to_numpy()
    return replace(encoded, codes=codes), known

"""`SyntheticDataGenerator`: the public face. It holds settings and the fitted state, nothing else."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, final

import pandas as pd

from synthetic_healthcare import models, pipeline
from synthetic_healthcare.config import RunConfig, require_model
from synthetic_healthcare.errors import ConfigError, NotFittedError, NotYetAvailableError
from synthetic_healthcare.evaluation.inputs import EvaluationOptions
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.evaluation.runner import evaluate
from synthetic_healthcare.fitted import NO_GUARANTEE, Fitted
from synthetic_healthcare.fitting import FitRequest, fit_table, stream
from synthetic_healthcare.judged import JudgedTables
from synthetic_healthcare.progress import Progress, default_progress, phase
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.frames import restore, to_pandas
from synthetic_healthcare.tables.writing import TableWriter

Mechanism = Literal["differential_privacy", "k_anonymity", "l_diversity"]


@final
class SyntheticDataGenerator:
    """Learns a table of patients and gives back synthetic patients.

    Parameters
    ----------
    model_type : str, default "wgan-gp"
        Name of the model; `synthetic_healthcare.models.available()` lists them.
    privacy_level : str, default "none"
        "none", "low", "medium", "high" or "maximum". A level with an epsilon means differential privacy from
        end to end; this release refuses it rather than train without.
    compliance_mode : str, optional
        "hipaa", "gdpr" or "fda"; refused by name until it is there.
    random_state : int, optional
        Seeds initialisation, data order and sampling: equal seeds give equal bytes on the same CPU.
    device : {"auto", "cpu", "cuda"}, default "auto"
        Where to train and sample.
    architecture : Mapping, optional
        The model's own settings, by name; see its `Config`.

    Raises
    ------
    ConfigError
        A setting is unknown or out of range.
    NotYetAvailableError
        A guarantee or model that this release does not hold is asked for.

    Examples
    --------
    >>> from synthetic_healthcare import SyntheticDataGenerator
    >>> import numpy, pandas
    >>> rng = numpy.random.default_rng(0)
    >>> patients = pandas.DataFrame({"age": rng.integers(20, 90, 200), "sex": rng.choice(["F", "M"], 200)})
    >>> generator = SyntheticDataGenerator("beta-vae", random_state=0)
    >>> generator.fit(patients, epochs=2).generate(3).columns.tolist()
    ['age', 'sex']
    """

    def __init__(
        self,
        model_type: str = "wgan-gp",
        *,
        privacy_level: str = "none",
        compliance_mode: str | None = None,
        random_state: int | None = None,
        device: str = "auto",
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        settings = {
            "model": {
                "type": model_type,
                "architecture": dict(architecture or {}),
                "training": {"device": device},
            },
            "privacy": {"level": privacy_level},
            "compliance": {"mode": compliance_mode},
        }
        self._adopt(RunConfig.from_mapping(settings), random_state)

    def _adopt(self, config: RunConfig, random_state: int | None) -> None:
        """Take a configuration on, or refuse it as a whole."""
        config.require_available()
        require_model(config.model.type, models.available())
        models.settings(config.model.type, config.model.architecture)
        self._config = config
        self._random_state = None if random_state is None else _whole("random_state", random_state, least=0)
        self._fitted: Fitted | None = None
        self._draws = 0

    @classmethod
    def from_config(
        cls, config: str | Path | Mapping[str, Any] | RunConfig, *, random_state: int | None = None
    ) -> SyntheticDataGenerator:
        """Build a generator from a YAML file, plain settings or a `RunConfig`.

        Raises
        ------
        ConfigError
            An unknown key (the nearest known one is named) or a value out of range.
        NotYetAvailableError
            The configuration asks for what this release does not hold.
        """
        if isinstance(config, str | Path):
            config = RunConfig.from_yaml(config)
        elif not isinstance(config, RunConfig):
            config = RunConfig.from_mapping(config)
        generator = cls.__new__(cls)
        generator._adopt(config, random_state)
        return generator

    def add_privacy_mechanism(
        self,
        mechanism: Mechanism,
        *,
        epsilon: float | None = None,
        delta: float | None = None,
        k: int | None = None,
        l: int | None = None,  # noqa: E741 - the field's own letter
    ) -> NoReturn:
        """Ask for a guarantee; this release has none yet and says so.

        Raises
        ------
        NotYetAvailableError
            Always, for a known mechanism: a guarantee that was asked for is never quietly dropped.
        ConfigError
            The mechanism is unknown.
        """
        known = ("differential_privacy", "k_anonymity", "l_diversity")
        if mechanism not in known:
            raise ConfigError(f"mechanism {mechanism!r} is unknown; known: {', '.join(known)}")
        raise NotYetAvailableError(
            f"the privacy mechanism {mechanism!r}",
            "It arrives with the privacy release. Without it, fit gives the standard protections and no "
            "formal guarantee.",
        )

    def fit(
        self,
        data: Any,
        *,
        epochs: int | None = None,
        schema: Schema | str | Path | None = None,
        target: str | None = None,
        holdout: Any = 0.2,
        max_seconds: float | None = None,
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
    ) -> SyntheticDataGenerator:
        """Learn a table.

        Parameters
        ----------
        data : DataFrame, Arrow or polars table, or path of a .csv, .csv.gz or .parquet file
            One row a patient (or several, with a group column in the schema); at least 50 rows.
        epochs : int, optional
            Passes over the training rows, each of 15 updates at least. Default: the configuration's, or 100
            as far as they come to no more than 5,000 updates.
        schema : Schema or path of a schema file, optional
            What the columns are; inferred where it is left out.
        target : str, optional
            Column that a user of the data would predict.
        holdout : float or table, optional
            Share of the rows kept aside to judge against (default 0.2; 0 trains on everything), or a table of
            other patients.
        max_seconds : float, optional
            Training stops at the first update after this many seconds.
        checkpoint : path, optional
            Folder that the training saves itself to: a fit that was killed goes on where it was and ends in
            the same weights. It holds weights that know the training rows: keep it as you keep them.
        progress : Progress, optional
            Default: a live display where standard error is a terminal.

        Returns
        -------
        SyntheticDataGenerator
            Itself.

        Raises
        ------
        DataError, SchemaError
            The table cannot be learnt as it stands; the column and the remedy are named.
        CheckpointError
            The checkpoint belongs to another run.
        """
        request = FitRequest(
            config=_with_training(self._config, epochs, max_seconds),
            random_state=self._random_state,
            schema=schema,
            target=target,
            holdout=holdout,
            checkpoint=checkpoint,
        )
        self._fitted = fit_table(data, request, progress=progress or default_progress())
        self._draws = 0
        return self

    def generate(
        self,
        n_samples: int | None = None,
        *,
        augmentation_factor: float = 1.0,
        random_state: int | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Draw synthetic patients.

        Parameters
        ----------
        n_samples : int, optional
            Rows; default: as many as were learnt.
        augmentation_factor : float, default 1.0
            The result has round(n_samples * augmentation_factor) rows.
        random_state : int, optional
            Seed of this draw. Default: the generator's own stream, which goes on from call to call and starts
            again with `fit` and `load`.
        progress : Progress, optional
            Default: a live display where standard error is a terminal.

        Returns
        -------
        table
            Of the kind, columns and dtypes that were learnt.
        """
        fitted = self._require_fitted("generate")
        n = _rows(n_samples, augmentation_factor, default=fitted.origin.rows["train"])
        frames: list[pd.DataFrame] = []
        with phase(progress or default_progress(), "sample", n) as watched:
            for frame in self._frames(n, random_state):
                frames.append(frame)
                watched.advance(sum(map(len, frames)))
        return restore(pd.concat(frames, ignore_index=True), fitted.table_format)

    def generate_to(
        self,
        path: str | Path,
        n_samples: int,
        *,
        random_state: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Draw synthetic patients straight into a .csv, .csv.gz or .parquet file, in constant memory.

        The rows are those that `generate` gives with the same seed. A file that stood at `path` is replaced
        when all rows are written, or not touched.
        """
        self._require_fitted("generate_to")
        n = _rows(n_samples, 1.0, default=0)
        with phase(progress or default_progress(), "sample", n) as watched, TableWriter(path) as writer:
            for frame in self._frames(n, random_state):
                writer.write(frame)
                watched.advance(writer.rows)

    def generate_conditional(self, conditions: Mapping[str, Any], n_samples: int) -> NoReturn:
        """Draw patients who meet conditions; not in this release.

        Raises
        ------
        NotYetAvailableError
            Always.
        """
        raise NotYetAvailableError(
            "generating under conditions",
            "It arrives with the release that holds all models. Until then, draw more rows and filter them.",
        )

    def generate_with_audit_trail(
        self, n_samples: int, *, audit_level: str = "full", compliance_check: bool = True
    ) -> NoReturn:
        """Draw patients with a signed record of how; not in this release.

        Raises
        ------
        NotYetAvailableError
            Always.
        """
        raise NotYetAvailableError("the audit trail", "It arrives with the compliance release.")

    def evaluate(
        self,
        synthetic: Any,
        real: Any,
        *,
        holdout: Any = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> EvaluationReport:
        """Judge synthetic patients against the real ones.

        Parameters
        ----------
        synthetic : table
            What `generate` gave.
        real : table
            The table given to `fit`; its hold-out is found again.
        holdout : table, optional
            The table given to `fit` as `holdout`, where that was one.
        seed : int, default 0
            Equal seeds give equal reports.
        progress : Progress, optional
            Default: a live display where standard error is a terminal.

        Raises
        ------
        EvaluationError
            The arguments are swapped, or `real` is not the table that was learnt.
        """
        fitted = self._require_fitted("evaluate")
        tables = JudgedTables.of(fitted, to_pandas(synthetic)[0], to_pandas(real)[0], holdout=holdout)
        return evaluate(
            tables.synthetic,
            train=tables.train,
            holdout=tables.holdout,
            schema=fitted.schema,
            options=EvaluationOptions(seed=_whole("seed", seed, least=0)),
            progress=progress or default_progress(),
            context={
                "model": fitted.model.name,
                "notes": [NO_GUARANTEE, *fitted.origin.notes],
            },
            history=fitted.origin.history,
        )

    def save(self, path: str | Path) -> None:
        """Write the fitted generator to one file: JSON and weights, no code, no rows."""
        self._require_fitted("save").write(path)

    @classmethod
    def load(cls, path: str | Path) -> SyntheticDataGenerator:
        """Read what `save` wrote; runs no code from the file.

        Raises
        ------
        ArtifactError
            The file is missing, foreign, damaged, truncated or of a newer major version.
        """
        fitted = Fitted.read(path)
        generator = cls.from_config(fitted.config, random_state=fitted.origin.seed)
        generator._fitted = fitted
        return generator

    def describe(self) -> dict[str, Any]:
        """Plain data on what was learnt, how, and what is promised of it."""
        return self._require_fitted("describe").describe()

    def _frames(self, n: int, random_state: int | None) -> Iterator[pd.DataFrame]:
        """Chunks of synthetic rows."""
        fitted = self._require_fitted("generate")
        if random_state is None:
            rng = stream(fitted.origin.seed, "sample", call=self._draws)
            self._draws += 1
        else:
            rng = stream(_whole("random_state", random_state, least=0), "sample")
        chunks = pipeline.sample(fitted.model, n, seed=int(rng.integers(2**62)))
        return pipeline.restore(chunks, fitted.encoder, rng=rng)

    def _require_fitted(self, purpose: str) -> Fitted:
        if self._fitted is None:
            raise NotFittedError(f"{purpose} needs a fitted generator: call fit(data) first, or load(path)")
        return self._fitted


def _with_training(config: RunConfig, epochs: int | None, max_seconds: float | None) -> RunConfig:
    """The configuration with what `fit` was told put in."""
    given = {"epochs": epochs, "max_seconds": max_seconds}
    overrides = [f"model.training.{name}={value}" for name, value in given.items() if value is not None]
    return config.with_overrides(overrides) if overrides else config


def _whole(name: str, value: int, *, least: int) -> int:
    """The argument as a plain integer, whatever library it comes from."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ConfigError(f"{name} must be a whole number; this is a {type(value).__name__}") from None
    if number < least:
        raise ConfigError(f"{name} must be at least {least}; this is {number}")
    return number


def _rows(n_samples: int | None, factor: float, *, default: int) -> int:
    """How many rows are asked for."""
    n = _whole("n_samples", default if n_samples is None else n_samples, least=1)
    # Written so that nan is refused too.
    if not 0 < factor < float("inf"):
        raise ConfigError(f"augmentation_factor must be a number above 0; this is {factor}")
    return max(1, round(n * factor))

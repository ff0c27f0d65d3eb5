"""`SyntheticDataGenerator`: the public face. It holds settings and the fitted state, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Unpack, final

import numpy as np

from synthetic_healthcare import arguments, drawing, mechanisms
from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ConfigError, NotFittedError, NotYetAvailableError
from synthetic_healthcare.evaluation.options import EvaluationOptions
from synthetic_healthcare.evaluation.report import EvaluationReport
from synthetic_healthcare.fitted import Fitted
from synthetic_healthcare.fitting import fit_table
from synthetic_healthcare.judged import JudgedTables, judge
from synthetic_healthcare.monitoring import PrivacyMonitor
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.progress import Progress, default_progress
from synthetic_healthcare.requests import FitRequest, stream
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.sampling.conditional import OnRare
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.frames import restore, to_pandas


@final
class SyntheticDataGenerator:
    """Learns a table of patients and gives back synthetic patients.

    Parameters
    ----------
    model_type : str, default "auto"
        Name of the model (`synthetic_healthcare.models.available()` lists them); "auto": the one that suits
        the table, by its size or by a trial.
    privacy_level : str, default "none"
        "none", "low" (epsilon 10), "medium" (3), "high" (1) or "maximum" (0.5). A level with an epsilon means
        differential privacy from end to end; see docs/privacy.md.
    compliance_mode : str, optional
        "hipaa", "gdpr" or "fda"; refused by name until it is there.
    random_state : int, optional
        Seeds initialisation, data order and sampling: equal seeds give equal bytes on the same CPU.
    device : {"auto", "cpu", "cuda"}, default "auto"
        Where to train and sample.
    architecture : Mapping, optional
        The model's own settings, by name; see its `Config`.
    rules : RulePack or path of a YAML file, optional
        Clinical rules that every generated row has to keep; see docs/rules.md.
    monitor : PrivacyMonitor, optional
        Alerts that watch every fit; see docs/monitoring.md.

    A setting that is unknown or out of range raises `ConfigError`, one that this release does not hold
    `NotYetAvailableError`.

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
        model_type: str = "auto",
        *,
        privacy_level: str = "none",
        compliance_mode: str | None = None,
        random_state: int | None = None,
        device: str = "auto",
        architecture: Mapping[str, Any] | None = None,
        rules: RulePack | str | Path | None = None,
        monitor: PrivacyMonitor | None = None,
    ) -> None:
        self._config = arguments.configured(
            model_type, privacy_level, compliance_mode, device=device, architecture=architecture
        )
        self._random_state = arguments.seed(random_state)
        self._fitted: Fitted | None = None
        self._draws, self._rules = 0, arguments.pack(rules)
        #: Watches every fit that is not given a monitor of its own.
        self.monitor = monitor
        #: How the last draw went: under conditions, with classes in balance, by rules, made anonymous.
        self.last_draw = drawing.Drawn()

    @classmethod
    def from_config(
        cls, config: str | Path | Mapping[str, Any] | RunConfig, *, random_state: int | None = None
    ) -> SyntheticDataGenerator:
        """Build a generator from a YAML file, plain settings or a `RunConfig`.

        Raises
        ------
        ConfigError, NotYetAvailableError
            An unknown key (the nearest known one is named) or a value out of range; what is not there yet.
        """
        accepted = arguments.configuration(config)
        generator = cls(random_state=random_state, rules=accepted.rules, monitor=arguments.monitor(accepted))
        generator._config = accepted
        return generator

    def add_privacy_mechanism(
        self,
        mechanism: mechanisms.Mechanism,
        *,
        epsilon: float | None = None,
        delta: float | None = None,
        k: int | None = None,
        l: int | None = None,  # noqa: E741 - the field's own letter
        t: float | None = None,
        **settings: Unpack[mechanisms.MechanismSettings],
    ) -> SyntheticDataGenerator:
        """Ask for a guarantee, before `fit`; returns itself. docs/anonymity.md says what each one is.

        Parameters
        ----------
        mechanism : str
            "k_anonymity", "l_diversity" or "t_closeness" of every table that is given out; or
            "differential_privacy", with epsilon and delta.
        **settings
            Of k-anonymity: `quasi_identifiers`, `recode`, `suppression_limit`, `hierarchies`, `stage`; of
            l-diversity: `sensitive`, `kind`, `c`; of t-closeness: `sensitive`.

        Raises ConfigError where it is unknown, told too little or too much, or the generator is fitted.
        """
        if self._fitted is not None:
            raise ConfigError("a mechanism is asked for before fit: what was learnt cannot be taken back")
        given = {"epsilon": epsilon, "delta": delta, "k": k, "l": l, "t": t, **settings}
        self._config = arguments.accepted(mechanisms.with_mechanism(self._config, mechanism, given))
        return self

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
        monitor: PrivacyMonitor | None = None,
        ledger: PrivacyLedger | str | Path | None = None,
    ) -> SyntheticDataGenerator:
        """Learn a table; returns itself.

        Parameters
        ----------
        data : DataFrame, Arrow or polars table, or path of a .csv, .csv.gz or .parquet file
            One row a patient (several with a group column); at least 50 rows.
        epochs : int, optional
            Passes over the rows, each of 15 updates at least. Default: the configuration's, or 100, within
            5,000 updates.
        schema : Schema or path of a schema file, optional
            What the columns are; inferred where left out.
        target : str, optional
            Column that a user of the data would predict.
        holdout : float or table, optional
            Share of the rows kept aside to judge against (0: none), or a table of other patients.
        max_seconds : float, optional
            Training, the trials of `auto` included, stops at the first update after this many seconds.
        checkpoint : path, optional
            Folder that a killed fit goes on from; it knows the training rows: keep it as you keep them.
        progress : Progress, optional
            Default: a live display where standard error is a terminal.
        monitor : PrivacyMonitor, optional
            Alerts that watch this fit, in place of the generator's own.
        ledger : PrivacyLedger or path, optional
            What was spent on the same patients; the budget is for all of it. A path is written anew.

        Raises
        ------
        DataError, SchemaError
            The table cannot be learnt as it stands; the column and the remedy are named.
        CheckpointError
            The checkpoint belongs to another run.
        """
        request = FitRequest(
            config=arguments.with_training(self._config, epochs, max_seconds),
            random_state=self._random_state,
            schema=schema,
            target=target,
            holdout=holdout,
            checkpoint=checkpoint,
            rules=self._rules,
            monitor=monitor or self.monitor,
            ledger=ledger,
        )
        self._fitted = fit_table(data, request, progress=progress or default_progress())
        self._draws = 0
        return self

    def generate(
        self,
        n_samples: int | None = None,
        *,
        augmentation_factor: float = 1.0,
        balance: str | None = None,
        fairness: str | None = None,
        attribute: str | None = None,
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
        balance : str, optional
            A column whose classes all get the same share ("target": the target, whatever its name).
            `last_draw` then says how many real patients stand behind each class.
        fairness, attribute : str, optional
            "demographic_parity" (the target alike in all groups of the attribute) or "representation" (all
            groups alike in number), by resampling; `last_draw.fairness` holds both, before and after.
        random_state : int, optional
            Seed of this draw. Default: the generator's stream, begun anew by `fit` and `load`.
        progress : Progress, optional
            As for `fit`.

        Returns
        -------
        table
            Of the kind, columns and dtypes that were learnt.
        """
        fitted = self._require_fitted("generate")
        asked = fitted.origin.rows["train"] if n_samples is None else n_samples
        n = arguments.rows(asked, augmentation_factor)
        rng, told = self._start(random_state)
        wishes = {"balance": balance, "fairness": fairness, "attribute": attribute}
        frames = drawing.as_asked(fitted, n, **wishes, rng=rng, told=told)
        return restore(drawing.table(frames, n, progress), fitted.released_format)

    def generate_to(
        self,
        path: str | Path,
        n_samples: int,
        *,
        conditions: drawing.Asked | None = None,
        random_state: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Draw synthetic patients straight into a .csv, .csv.gz or .parquet file, in constant memory.

        The rows are those that `generate`, or with conditions `generate_conditional`, gives with the same
        seed. A file at `path` is replaced when all rows are written, or not touched.
        """
        fitted = self._require_fitted("generate_to")
        n = arguments.rows(n_samples)
        rng, told = self._start(random_state)
        if conditions is None:
            frames = drawing.as_learnt(fitted, n, rng=rng, told=told)
        else:
            frames = drawing.under_conditions(fitted, conditions, n, rng=rng, on_rare="raise", told=told)
        drawing.write(frames, path, n, progress)

    def generate_conditional(
        self,
        conditions: drawing.Asked,
        n_samples: int,
        *,
        on_rare: OnRare = "raise",
        random_state: int | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Draw patients who meet conditions.

        A model that can draws under the conditions; of the others' rows those that meet them are kept.
        `last_draw` says at what rate, and how many real patients stand behind the rows.

        Parameters
        ----------
        conditions : Mapping
            Column, or derived column -> what is wanted: a value; a list (any of the values, but all of a set
            of codes); `None` for missing; or a tuple with an operator: `(">=", 65)`, `("between", 60, 80)`,
            `("not in", [...])`, `("not missing",)`.
        n_samples : int
            Rows; the result has exactly so many.
        on_rare : {"raise", "warn"}
            What to do where fewer patients than the floor (`transforms.rare_floor`) meet the conditions.
        random_state, progress
            As for `generate`.

        Raises
        ------
        ConditionError
            A column or category is unknown, no row can meet the conditions, or too few patients do.
        """
        fitted = self._require_fitted("generate_conditional")
        n = arguments.rows(n_samples)
        rng, told = self._start(random_state)
        frames = drawing.under_conditions(fitted, conditions, n, rng=rng, on_rare=on_rare, told=told)
        return restore(drawing.table(frames, n, progress), fitted.released_format)

    def impute(self, data: Any, *, random_state: int | None = None) -> Any:
        """Fill the missing cells of a table by draws given those that are there, which stay as they are.

        Parameters
        ----------
        data : table
            With the columns that were learnt; it is not changed.
        random_state : int, optional
            As for `generate`.

        Raises
        ------
        ConfigError
            The model cannot fill gaps; 'autoregressive' can.
        """
        fitted = self._require_fitted("impute")
        frame, table_format = to_pandas(data)
        rng, _ = self._start(random_state)
        return restore(drawing.without_gaps(fitted, frame, rng=rng), table_format)

    def generate_with_audit_trail(
        self, n_samples: int, *, audit_level: str = "full", compliance_check: bool = True
    ) -> NoReturn:
        """Draw patients with a signed record of how; not in this release: `NotYetAvailableError`."""
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
            As for `fit`.

        Raises
        ------
        EvaluationError
            The arguments are swapped, or `real` is not the table that was learnt.
        """
        fitted = self._require_fitted("evaluate")
        tables = JudgedTables.of(fitted, to_pandas(synthetic)[0], to_pandas(real)[0], holdout=holdout)
        options = EvaluationOptions(seed=arguments.whole("seed", seed, least=0))
        return judge(fitted, tables, options, progress=progress or default_progress())

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
        # The rules are those that were learnt with, wherever their file may be now.
        config = fitted.config.model_copy(update={"rules": None})
        generator = cls.from_config(config, random_state=fitted.origin.seed)
        generator._fitted, generator._rules = fitted, fitted.rules
        return generator

    def describe(self) -> dict[str, Any]:
        """Plain data on what was learnt, how, and what is promised of it."""
        return self._require_fitted("describe").describe()

    def _start(self, random_state: int | None) -> tuple[np.random.Generator, drawing.Drawn]:
        """The stream of one draw, and where it says how it went."""
        self.last_draw = drawing.Drawn()
        seed = arguments.seed(random_state)
        if seed is not None:
            return stream(seed, "sample"), self.last_draw
        self._draws += 1
        own = self._require_fitted("generate").origin.seed
        return stream(own, "sample", call=self._draws - 1), self.last_draw

    def _require_fitted(self, purpose: str) -> Fitted:
        if self._fitted is None:
            raise NotFittedError(f"{purpose} needs a fitted generator: call fit(data) first, or load(path)")
        return self._fitted.released_for(purpose)

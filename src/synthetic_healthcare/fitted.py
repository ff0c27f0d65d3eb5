"""`Fitted`: what a generator knows after `fit`, and how that is written to one file and read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, final

from synthetic_healthcare import pipeline
from synthetic_healthcare.artifacts.store import read_model, write_model
from synthetic_healthcare.config import RunConfig
from synthetic_healthcare.errors import ArtifactError, ReleaseBlockedError
from synthetic_healthcare.models._base import GenerativeModel
from synthetic_healthcare.privacy.anonymity import Requirement
from synthetic_healthcare.privacy.ledger import PrivacyLedger
from synthetic_healthcare.rules import RulePack
from synthetic_healthcare.sampling.levers import Levers
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.tables.frames import TableFormat
from synthetic_healthcare.transforms.encoder import TableEncoder
from synthetic_healthcare.version import __version__

#: Said of every model that was trained without differential privacy.
NO_GUARANTEE: Final = (
    "No formal guarantee holds for this model. Values, categories and extremes held by few patients are "
    "protected and no row is stored, but what the weights remember is only tested, not bounded."
)
#: What a model may still be asked for when an alert blocks its release: neither gives a row or the weights.
_STAYS_HERE: Final = ("describe", "evaluate")
#: Said of a model whose noise followed a seed.
TESTING: Final = (
    "NOT PRIVATE: the noise of this model followed its seed, for tests. No guarantee of any kind holds."
)


@dataclass(frozen=True)
class Origin:
    """Where a model comes from; numbers and hashes only, nothing for any single row.

    Parameters
    ----------
    seed : int
        Decides initialisation, batches and draws.
    salt : str
        Key of the hold-out's hash, hexadecimal.
    holdout_share : float
        Expected share of the hold-out; 0 where none was split off.
    rows : dict
        Numbers of rows: "table", "train", "holdout".
    table, train : str
        Fingerprints of the table given to `fit` and of the rows that were learnt; empty after a private fit,
        since a fingerprint tells of every single row.
    notes : tuple of str
        What was repaired or protected.
    training : dict
        Updates, chosen moment, its score, why it ended, threads, the alerts that fired.
    history : dict
        Training curves.
    """

    seed: int
    salt: str
    holdout_share: float
    rows: dict[str, int]
    table: str
    train: str
    notes: tuple[str, ...]
    training: dict[str, Any]
    history: dict[str, Any]


@final
@dataclass(frozen=True)
class Fitted:
    """The fitted state.

    Parameters
    ----------
    config : RunConfig
        All settings of the run.
    model : GenerativeModel
        Ready to sample; after `read`, it holds no more than sampling needs.
    encoder : TableEncoder
        Between tables and encoded rows.
    table_format : TableFormat
        How the user's table was held.
    origin : Origin
        Where it comes from.
    rules : RulePack or None
        What every generated row has to keep.
    levers : Levers
        What is done to the rows that the model draws.
    ledger : PrivacyLedger or None
        What was read of the patients, where the fit was private.
    """

    config: RunConfig
    model: GenerativeModel
    encoder: TableEncoder
    table_format: TableFormat
    origin: Origin
    rules: RulePack | None = None
    levers: Levers = field(default_factory=Levers)
    ledger: PrivacyLedger | None = None

    @property
    def guarantee(self) -> str:
        """One sentence on what is promised of the model; true of every row that it will ever draw."""
        if self.ledger is None:
            return NO_GUARANTEE
        if not self.origin.training.get("private", True):
            return TESTING
        budget, unit = self.ledger.budget, self.ledger.unit
        return (
            f"Differential privacy with epsilon {budget.epsilon:g} and delta {budget.delta:g}, for "
            f"neighbours that differ by one {unit}, added or removed: {self.ledger.epsilon():.4g} of epsilon "
            "is spent, by preparing the table and by learning it. It holds for the model and all that is "
            "generated from it; names and declarations of columns and the number of rows count as public."
        )

    @property
    def schema(self) -> Schema:
        """The table's columns."""
        return self.encoder.schema

    @property
    def requirement(self) -> Requirement | None:
        """What every table that leaves has to meet, `None` where nothing is asked of it."""
        privacy = self.config.privacy
        return privacy.anonymity(self.schema) if privacy.anonymity_stage == "output" else None

    @property
    def anonymity(self) -> str | None:
        """One sentence on k-anonymity and the like, `None` where none was asked for."""
        asked = self.config.privacy.anonymity(self.schema)
        return None if asked is None else asked.describe()

    @property
    def released_format(self) -> TableFormat:
        """How tables that leave are held: as the user's, with text where values became intervals."""
        requirement = self.requirement
        if requirement is None or requirement.how.recode == "value":
            return self.table_format
        return self.table_format.with_text(requirement.quasi_identifiers)

    def released_for(self, purpose: str) -> Fitted:
        """Return the state itself, for a purpose that it may be used for.

        Raises
        ------
        ReleaseBlockedError
            An alert blocks the release, and `purpose` would let rows or the weights out.
        """
        blocked = self.origin.training.get("release_blocked")
        if blocked is not None and purpose not in _STAYS_HERE:
            raise ReleaseBlockedError(
                f"{purpose} is refused: an alert of the fit blocks the release of this model ({blocked}). "
                "Fit again with a smaller model, fewer epochs or a privacy level, or with the alert changed"
            )
        return self

    def describe(self) -> dict[str, Any]:
        """Plain data for a reader: what was learnt, from what, how, and what holds of it."""
        state = self.model.to_state()
        return {
            "model": self.model.name,
            "settings": self.model.config.model_dump(mode="json"),
            "guarantee": self.guarantee,
            "ledger": None if self.ledger is None else self.ledger.to_dict(),
            "anonymity": self.anonymity,
            "rows": dict(self.origin.rows),
            "target": self.schema.target,
            "columns": {column.name: f"{column.kind}, {column.role}" for column in self.schema.columns},
            "training": dict(self.origin.training),
            "parameters": int(sum(value.size for value in state.values())),
            "encoded_width": self.encoder.layout.width,
            "seed": self.origin.seed,
            "rules": {} if self.rules is None else {rule.name: rule.real_rate for rule in self.rules.rules},
            "notes": list(self.origin.notes),
        }

    def write(self, path: str | Path) -> None:
        """Write everything to one file, at once or not at all; a model that is blocked is not written."""
        self.released_for("save")
        facts, arrays = self.encoder.to_state()
        levers, knots = self.levers.to_state()
        documents = {
            "run": {"version": __version__, "config": self.config.to_dict(), "guarantee": self.guarantee},
            "model": {
                "name": self.model.name,
                "settings": self.model.config.model_dump(mode="json"),
            },
            "encoder": facts,
            "format": self.table_format.to_dict(),
            "origin": asdict(self.origin),
            "rules": {} if self.rules is None else self.rules.to_dict(),
            "levers": levers,
            "ledger": {} if self.ledger is None else self.ledger.to_dict(),
        }
        tensors = {"encoder": arrays, "weights": self.model.to_state(), "levers": knots}
        write_model(path, documents=documents, tensors=tensors)

    @staticmethod
    def read(path: str | Path) -> Fitted:
        """Read what `write` wrote.

        Raises
        ------
        ArtifactError
            The file is missing, foreign, damaged, truncated, or holds no fitted model.
        """
        documents, tensors = read_model(path)
        if "origin" not in documents:
            raise ArtifactError(f"{path}: this file holds no fitted model; give the file that `save` wrote")
        encoder = TableEncoder.from_state(documents["encoder"], tensors["encoder"])
        described = documents["model"]
        model = pipeline.rebuild(described["name"], encoder.layout, described["settings"], tensors["weights"])
        origin = documents["origin"]
        return Fitted(
            config=RunConfig.from_mapping(documents["run"]["config"]),
            model=model,
            encoder=encoder,
            table_format=TableFormat.from_dict(documents["format"]),
            origin=Origin(**{**origin, "notes": tuple(origin["notes"])}),
            rules=RulePack.from_dict(documents["rules"]) if documents.get("rules") else None,
            levers=Levers.from_state(documents["levers"], tensors["levers"]),
            ledger=PrivacyLedger.from_dict(documents["ledger"]) if documents.get("ledger") else None,
        )

"""`RunConfig`: everything that a run can be told, in one schema for YAML files, the command line and code."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthetic_healthcare.errors import ConfigError, NotYetAvailableError
from synthetic_healthcare.plain_yaml import load_plain
from synthetic_healthcare.privacy.anonymity.requirement import Requirement
from synthetic_healthcare.privacy.anonymity.settings import KAnonymity, LDiversity, Stage, TCloseness
from synthetic_healthcare.privacy.ledger import Budget
from synthetic_healthcare.privacy.levels import LevelName, PrivacyLevel, level_named
from synthetic_healthcare.sampling.config import SamplingConfig
from synthetic_healthcare.schema.schema import Schema
from synthetic_healthcare.training.config import TrainingConfig
from synthetic_healthcare.training.plan import PrivateTraining
from synthetic_healthcare.transforms.config import TransformConfig

ComplianceMode = Literal["hipaa", "gdpr", "fda"]

#: In place of a model's name: the one that suits the table (see `choosing`).
AUTO: Final = "auto"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@final
class ModelSection(_Section):
    """Which model, and its own settings."""

    type: str = Field(
        AUTO, min_length=1, description="name of the model (see `synthetic-healthcare models`), or auto"
    )
    architecture: dict[str, Any] = Field(
        default_factory=dict,
        description="the model's own settings; checked against the model when it is built",
    )
    training: TrainingConfig = TrainingConfig()


@final
class DifferentialPrivacySection(_Section):
    """A formal budget; neighbours differ by one row (one patient where a group column is declared)."""

    epsilon: float = Field(gt=0, description="privacy loss, at most")
    delta: float = Field(1e-5, gt=0, lt=1, description="probability with which epsilon may be passed")
    strict_domain: bool = Field(
        False, description="refuse columns whose domain is not declared, instead of paying to learn it"
    )
    rows_per_patient: int = Field(
        1, ge=1, description="rows of one patient that are learnt, where a group column names the patients"
    )
    guide_share: float = Field(
        0.7,
        ge=0,
        lt=1,
        description="share of the budget that buys the counts a network learns from before it sees patients",
    )
    training: PrivateTraining = PrivateTraining()


@final
class PrivacySection(_Section):
    """Guarantees asked for. What a release cannot keep is refused by name, never ignored."""

    level: LevelName | None = Field(None, description="none, low, medium, high or maximum; default: none")
    differential_privacy: DifferentialPrivacySection | None = None
    k_anonymity: KAnonymity | None = None
    l_diversity: LDiversity | None = None
    t_closeness: TCloseness | None = None

    @property
    def protection(self) -> DifferentialPrivacySection | None:
        """The budget that holds, `None` without one: an explicit one goes before that of the level."""
        if self.differential_privacy is not None:
            return self.differential_privacy
        level = level_named(self.level or "none")
        if level.epsilon is None or level.delta is None:
            return None
        return DifferentialPrivacySection(epsilon=level.epsilon, delta=level.delta)

    @property
    def anonymity_stage(self) -> Stage | None:
        """Which table is anonymised, `None` where none is."""
        if self.k_anonymity is not None:
            return self.k_anonymity.stage
        return None if self.l_diversity is None and self.t_closeness is None else "output"

    def anonymity(self, schema: Schema) -> Requirement | None:
        """What is asked of tables with these columns; see `Requirement.of`."""
        return Requirement.of(
            schema,
            k_anonymity=self.k_anonymity,
            l_diversity=self.l_diversity,
            t_closeness=self.t_closeness,
        )


@final
class EvaluationSection(_Section):
    """How to weigh the two scores where one choice has to be made; a report never blends them."""

    privacy_weight: float = Field(0.5, ge=0, le=1)
    utility_weight: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _weights_add_up(self) -> EvaluationSection:
        # 1e-6: 0.7 + 0.3 and the like are not exact in binary.
        if abs(self.privacy_weight + self.utility_weight - 1.0) > 1e-6:
            raise ValueError("privacy_weight and utility_weight must add up to 1")
        return self


@final
class ComplianceSection(_Section):
    """Which rule book's checks to run on what is released."""

    mode: ComplianceMode | None = None


@final
class MonitoringSection(_Section):
    """Alerts during training; each alert is written as the arguments of `PrivacyMonitor.add_alert`."""

    enabled: bool = False
    alerts: tuple[dict[str, Any], ...] = Field(
        ({"metric": "membership_inference_attack_success", "threshold": 0.6, "action": "warn"},),
        description="what to watch; checked when the generator is built",
    )

    @model_validator(mode="after")
    def _something_is_watched(self) -> MonitoringSection:
        if self.enabled and not self.alerts:
            raise ValueError("monitoring is enabled and watches nothing. List alerts, or set enabled: false")
        if "alerts" in self.model_fields_set and "enabled" not in self.model_fields_set:
            raise ValueError("there are alerts, and enabled is not set. Set enabled: true, or false")
        return self


@final
class RunConfig(_Section):
    """All settings of a run; frozen, and strict about unknown names.

    Examples
    --------
    >>> config = RunConfig.from_mapping({"model": {"type": "beta-vae"}})
    >>> config.with_overrides(["model.training.epochs=50"]).model.training.epochs
    50
    """

    model: ModelSection = ModelSection()
    privacy: PrivacySection = PrivacySection()
    evaluation: EvaluationSection = EvaluationSection()
    transforms: TransformConfig = TransformConfig()
    compliance: ComplianceSection = ComplianceSection()
    monitoring: MonitoringSection = MonitoringSection()
    sampling: SamplingConfig = SamplingConfig()
    rules: str | None = Field(None, description="YAML file of clinical rules; see docs/rules.md")

    @classmethod
    def from_yaml(cls, path: str | Path) -> RunConfig:
        """Read a YAML file.

        Raises
        ------
        ConfigError
            The file is missing or is not YAML, a key is unknown (the nearest known one is named) or a value
            is out of range.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
            raise ConfigError(f"the configuration {str(path)!r} cannot be read: {reason}") from problem
        try:
            return cls.from_mapping(_parse_yaml(text))
        except ConfigError as problem:
            raise ConfigError(f"{path}: {problem}") from problem

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any] | None) -> RunConfig:
        """Build from plain data, as a YAML file gives it; `None` (an empty file) gives the defaults.

        Raises
        ------
        ConfigError
            A key is unknown (the nearest known one is named) or a value is out of range.
        """
        if settings is not None and not isinstance(settings, Mapping):
            raise ConfigError(f"settings must be sections with keys; this is a {type(settings).__name__}")
        try:
            return cls.model_validate(dict(settings or {}))
        except ValidationError as problem:
            raise ConfigError(_explain(problem)) from problem

    def with_overrides(self, overrides: Sequence[str]) -> RunConfig:
        """Return a copy with settings replaced, each written as `path.to.key=value` (the value as in YAML).

        Raises
        ------
        ConfigError
            An override has no `=`, names an unknown key or gives a value out of range.
        """
        settings = self.to_dict()
        for override in overrides:
            path, separator, text = override.partition("=")
            if not separator or not path.strip():
                raise ConfigError(f"override {override!r} is not of the form path.to.key=value")
            _place(settings, path.strip().split("."), _parse_yaml(text))
        return RunConfig.from_mapping(settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; `from_mapping` undoes it."""
        return self.model_dump(mode="json")

    @property
    def budget(self) -> Budget | None:
        """The budget of differential privacy that holds for the run, `None` without one."""
        held = self.privacy.protection
        return None if held is None else Budget(held.epsilon, held.delta)

    @property
    def level(self) -> PrivacyLevel:
        """The privacy level asked for, `none` where none was."""
        return level_named(self.privacy.level or "none")

    def require_available(self) -> None:
        """Refuse what this release cannot keep, so that no guarantee that was asked for is quietly dropped.

        Raises
        ------
        NotYetAvailableError
            A compliance mode is asked for.
        ConfigError
            Guarantees that exclude each other are asked for.
        """
        self._require_compatible()
        asked = {
            f"compliance mode {self.compliance.mode!r}": self.compliance.mode is not None,
        }
        for feature, wanted in asked.items():
            if wanted:
                raise NotYetAvailableError(feature, "Remove the setting to run without it.")

    def _require_compatible(self) -> None:
        how = self.privacy.k_anonymity
        if how is None:
            return
        private = self.privacy.protection is not None
        if how.stage == "input" and private:
            # Declared hierarchies do not help: which level a row gets still depends on the other rows.
            raise ConfigError(
                "privacy.k_anonymity.stage 'input' makes the training table coarser in a way that each of "
                "its rows takes part in, which no budget pays for: it cannot go with differential privacy. "
                "Use stage 'output', which reads generated rows only"
            )
        if how.recode == "interval" and (how.stage == "input" or self.rules is not None):
            what = "learnt from" if how.stage == "input" else "judged by clinical rules"
            raise ConfigError(
                f"privacy.k_anonymity.recode 'interval' makes text that cannot be {what}. Use recode 'value'"
            )


def require_model(name: str, available: Sequence[str]) -> None:
    """Refuse a model that there is not.

    Raises
    ------
    ConfigError
        The name is unknown; the nearest known one is named.
    """
    known = (*available, AUTO)
    if name not in known:
        raise ConfigError(f"model {name!r} is unknown.{_hint(name, known)} Available: {', '.join(known)}")


def _parse_yaml(text: str) -> Any:
    try:
        return load_plain(text)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ConfigError(
            f"not valid YAML{where}: {getattr(problem, 'problem', None) or 'it nests too deep'}"
        ) from problem


def _place(settings: dict[str, Any], path: list[str], value: Any) -> None:
    section = settings
    for key in path[:-1]:
        inner = section.get(key)
        # A section that is not set (None) opens; any other value in the way is reported by the validation.
        section[key] = section = dict(inner) if isinstance(inner, dict) else {}
    section[path[-1]] = value


def _explain(problem: ValidationError) -> str:
    return "; ".join(_sentence(error["loc"], error["type"], error["msg"]) for error in problem.errors())


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(step) for step in location)
    if kind != "extra_forbidden":
        return f"{path or 'settings'}: {message.removeprefix('Value error, ')}"
    section = _section_at(location[:-1])
    known = tuple(section.model_fields)
    hint = _hint(str(location[-1]), known)
    if section is ModelSection and not hint:
        hint = " A model's own settings stand under model.architecture."
    return f"{path}: unknown setting.{hint} Known here: {', '.join(known)}"


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = RunConfig
    for step in location:
        section = _section_of(section.model_fields[str(step)].annotation)
    return section


def _section_of(annotation: Any) -> type[BaseModel]:
    # Either the section itself or `Section | None`.
    candidates = (annotation, *getattr(annotation, "__args__", ()))
    return next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel))


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

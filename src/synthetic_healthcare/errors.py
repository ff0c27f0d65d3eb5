"""Every error that the library raises on purpose.

::

    SyntheticHealthcareError
    ├── SchemaError (ValueError)            the schema, or a schema file, is not usable
    │   └── RejectColumn                    one column cannot be learnt as it stands
    ├── DataError (ValueError)              the table is not usable as given
    ├── ConfigError (ValueError)            a setting is unknown or out of range
    ├── ConditionError (ValueError)         conditions that no row, or too few patients, can meet
    ├── RuleError (ValueError)              a clinical rule is not usable, or cannot be kept
    ├── BudgetExceededError (ValueError)    a read of patients that the privacy budget does not pay for
    ├── AnonymityError (ValueError)         a table that cannot be made as anonymous as was asked
    ├── NotPrivatizableError (ValueError)   a model that mixes rows, where privacy was asked for
    ├── NotFittedError (ValueError)         asked to generate or save before fit
    ├── NotYetAvailableError (NotImplementedError)   promised, but not in this release
    ├── ReleaseBlockedError (RuntimeError)  an alert keeps the model from being released
    ├── EvaluationError (ValueError)        tables that cannot be judged against each other
    ├── ArtifactError (ValueError)          a model file is foreign, damaged or too new
    ├── CheckpointError (ValueError)        a checkpoint belongs to another run
    └── TrainingError (ArithmeticError)     a training went wrong: its losses are not finite

Messages say what is wrong, what is allowed, what was found and what to do. They carry column names and
counts, never the values of cells.
"""

from __future__ import annotations

from collections.abc import Mapping


class SyntheticHealthcareError(Exception):
    """Root of the tree: catch this to catch all that the library raises on purpose."""


class SchemaError(SyntheticHealthcareError, ValueError):
    """A schema, or a schema file, that cannot be used."""


class RejectColumn(SchemaError):
    """One column cannot be learnt as it stands.

    Parameters
    ----------
    column : str
        The column's name.
    problem : str
        What is wrong with it, without cell values.
    remedy : str
        What the user can do about it.
    """

    def __init__(self, column: str, problem: str, remedy: str) -> None:
        super().__init__(f"column {column!r}: {problem}. {remedy}")
        self.column = column
        self.problem = problem
        self.remedy = remedy


class DataError(SyntheticHealthcareError, ValueError):
    """A table that cannot be used as given."""


class ConfigError(SyntheticHealthcareError, ValueError):
    """A setting that is unknown, misspelt or out of range."""


class ConditionError(SyntheticHealthcareError, ValueError):
    """Conditions that are outside the schema, contradict each other, or that too few patients meet."""


class RuleError(SyntheticHealthcareError, ValueError):
    """A clinical rule that cannot be read, does not fit the table, or cannot be kept."""


class BudgetExceededError(SyntheticHealthcareError, ValueError):
    """A read of patients that what is left of the privacy budget does not pay for; nothing was read."""


class AnonymityError(SyntheticHealthcareError, ValueError):
    """A table that cannot be made as anonymous as was asked; nothing is given out in its place."""


class NotPrivatizableError(SyntheticHealthcareError, ValueError):
    """A model that cannot be trained privately as it is set: a row's gradient is not its own.

    Parameters
    ----------
    model : str
        The model's name.
    phase : str
        Which of its updates.
    problem : str
        What couples rows.
    settings : Mapping
        Settings of the model under which they are not coupled.
    """

    def __init__(self, model: str, phase: str, problem: str, settings: Mapping[str, object]) -> None:
        wanted = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        remedy = f"Set {wanted}, or choose another model" if wanted else "Choose another model"
        super().__init__(
            f"model {model!r} cannot be trained privately as it is set: {phase}: {problem}. {remedy}"
        )
        self.model = model
        self.phase = phase


class NotFittedError(SyntheticHealthcareError, ValueError):
    """A generator was asked for something that needs `fit` first."""


class NotYetAvailableError(SyntheticHealthcareError, NotImplementedError):
    """Something that the product promises and this release does not hold yet."""

    def __init__(self, feature: str, instead: str) -> None:
        super().__init__(f"{feature} is not in this release yet. {instead}")
        self.feature = feature


class ReleaseBlockedError(SyntheticHealthcareError, RuntimeError):
    """A model that an alert keeps from being released was asked for rows, or to be saved."""


class EvaluationError(SyntheticHealthcareError, ValueError):
    """Tables that cannot be judged against each other."""


class ArtifactError(SyntheticHealthcareError, ValueError):
    """A model file that is foreign, damaged or written by a newer major version."""


class CheckpointError(SyntheticHealthcareError, ValueError):
    """A checkpoint that belongs to another run."""


class TrainingError(SyntheticHealthcareError, ArithmeticError):
    """A training that went wrong."""

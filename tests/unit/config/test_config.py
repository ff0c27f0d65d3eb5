"""One schema for every way in, strict about what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from synthetic_healthcare.config import RunConfig, require_model
from synthetic_healthcare.errors import ConfigError, NotYetAvailableError
from synthetic_healthcare.privacy.ledger import Budget
from synthetic_healthcare.privacy.levels import LEVELS, level_named

CONFIGS = Path(__file__).parents[3] / "config"


def test_the_shipped_private_configuration_reads_as_written() -> None:
    config = RunConfig.from_yaml(CONFIGS / "high_privacy.yaml")
    assert config.model.type == "dp-gan"
    assert config.model.architecture == {
        "generator_layers": [256, 512, 256],
        "discriminator_layers": [256, 512, 256],
    }
    assert config.privacy.differential_privacy is not None
    assert config.privacy.differential_privacy.epsilon == 0.5
    assert config.privacy.differential_privacy.delta == 1e-6
    assert config.privacy.k_anonymity is not None
    assert config.privacy.k_anonymity.k == 10
    assert (config.evaluation.privacy_weight, config.evaluation.utility_weight) == (0.7, 0.3)


def test_the_shipped_useful_configuration_reads_as_written() -> None:
    config = RunConfig.from_yaml(CONFIGS / "high_utility.yaml")
    assert config.model.type == "ctgan"
    assert config.model.architecture["embedding_dim"] == 128
    assert config.privacy.differential_privacy is not None
    assert config.privacy.differential_privacy.delta == 1e-4
    assert (config.evaluation.privacy_weight, config.evaluation.utility_weight) == (0.3, 0.7)


@pytest.mark.parametrize("text", ["1e-6", "1E-6", "1.0e-6", "1.e-6", ".1e-5", "0.000001", "'1e-6'"])
def test_scientific_notation_is_a_number(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"privacy: {{differential_privacy: {{epsilon: 1, delta: {text}}}}}", encoding="utf-8")
    privacy = RunConfig.from_yaml(path).privacy.differential_privacy
    assert privacy is not None
    assert privacy.delta == pytest.approx(1e-6, rel=1e-12)


def test_scientific_notation_is_a_number_in_a_models_own_settings() -> None:
    config = RunConfig().with_overrides(["model.architecture.learning_rate=1e-3"])
    assert config.model.architecture == {"learning_rate": 0.001}


@pytest.mark.parametrize("text", ["e5", "1e", "12e5x", "deadbeef", "1-6"])
def test_what_only_resembles_a_number_stays_text(text: str) -> None:
    config = RunConfig().with_overrides([f"model.architecture.x={text}"])
    assert config.model.architecture == {"x": text}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modle": {}}, r"modle: unknown setting\. Did you mean 'model'\?"),
        (
            {"model": {"architectur": {}}},
            r"model\.architectur: unknown setting\. Did you mean 'architecture'\?",
        ),
        ({"model": {"training": {"epoch": 3}}}, r"model\.training\.epoch: .*Did you mean 'epochs'\?"),
        (
            {"privacy": {"differential_privacy": {"epsilon": 1, "detla": 1e-5}}},
            r"privacy\.differential_privacy\.detla: .*Did you mean 'delta'\?",
        ),
        ({"model": {"z_size": 3}}, r"model\.z_size: .*stand under model\.architecture"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_mapping(settings)


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("privacy.differential_privacy.epsilon=0", "privacy.differential_privacy.epsilon"),
        ("privacy.differential_privacy.epsilon=.inf", "privacy.differential_privacy.epsilon"),
        ("privacy.k_anonymity.k=1", "privacy.k_anonymity.k"),
        ("privacy.l_diversity.l=two", "privacy.l_diversity.l"),
        ("privacy.level=strict", "privacy.level"),
        ("model.training.epochs=0", "model.training.epochs"),
        ("model.training.device=gpu", "model.training.device"),
        ("transforms.numeric=mode", "transforms.numeric"),
        ("model.type=", "model.type"),
        ("evaluation.privacy_weight=0.9", "evaluation"),
        ("model=3", "model"),
        ("model.type.name=x", "model.type"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_place(override: str, place: str) -> None:
    with pytest.raises(ConfigError, match=rf"(^|; ){place}: "):
        RunConfig().with_overrides([override])


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"modle: .*; privaci: "):
        RunConfig.from_mapping({"modle": {}, "privaci": {}})


def test_overrides_leave_the_rest_and_the_original_alone() -> None:
    before = RunConfig.from_yaml(CONFIGS / "high_utility.yaml")
    after = before.with_overrides(["model.architecture.embedding_dim=16", "privacy.k_anonymity.k=5"])
    assert before.model.architecture["embedding_dim"] == 128
    assert after.model.architecture == {**before.model.architecture, "embedding_dim": 16}
    assert after.privacy.differential_privacy == before.privacy.differential_privacy
    assert after.privacy.k_anonymity is not None


@pytest.mark.parametrize("override", ["epochs", "=3", " =3"])
def test_an_override_without_a_place_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"path\.to\.key=value"):
        RunConfig().with_overrides([override])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: [", r"not valid YAML \(line 1"),
        ("- a\n- b", "sections with keys"),
        ("model: {type: a}\nmodel: {type: b}", "'model' stands twice"),
        ("model: {type: a, type: b}", "'type' stands twice"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("3: {}", "3: "),
        ("model: {type: 2001-13-45}", "not valid YAML"),
    ],
)
def test_an_unusable_file_is_refused_with_its_name(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"run\.yaml: .*{message}"):
        RunConfig.from_yaml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml.*No such file"):
        RunConfig.from_yaml(tmp_path / "absent.yaml")


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("# nothing\n", encoding="utf-8")
    assert RunConfig.from_yaml(tmp_path / "run.yaml") == RunConfig()


def test_is_frozen_and_survives_plain_data() -> None:
    config = RunConfig.from_yaml(CONFIGS / "high_privacy.yaml")
    assert RunConfig.from_mapping(config.to_dict()) == config
    with pytest.raises(ValidationError):
        config.model.type = "other"


def test_the_levels_are_the_settled_ones() -> None:
    table = {name: (level.epsilon, level.delta) for name, level in LEVELS.items()}
    assert table == {
        "none": (None, None),
        "low": (10.0, 1e-5),
        "medium": (3.0, 1e-5),
        "high": (1.0, 1e-5),
        "maximum": (0.5, 1e-6),
    }


def test_no_level_is_the_level_none() -> None:
    assert RunConfig().level == LEVELS["none"]
    RunConfig().require_available()


def test_an_unknown_level_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'medium'"):
        level_named("meduim")


@pytest.mark.parametrize("name", ["low", "medium", "high", "maximum"])
def test_a_level_with_an_epsilon_is_a_budget(name: str) -> None:
    config = RunConfig.from_mapping({"privacy": {"level": name}})
    level = LEVELS[name]
    assert level.epsilon is not None
    assert level.delta is not None
    assert config.budget == Budget(level.epsilon, level.delta)
    stated = config.with_overrides(["privacy.differential_privacy={epsilon: 7}"])
    assert stated.budget == Budget(7.0, 1e-5), "what is stated goes before the level"


@pytest.mark.parametrize(
    ("override", "feature"),
    [
        ("compliance.mode=hipaa", "hipaa"),
    ],
)
def test_what_is_not_here_yet_says_so_by_name(override: str, feature: str) -> None:
    with pytest.raises(NotYetAvailableError, match=feature):
        RunConfig().with_overrides([override]).require_available()


def test_models_are_known_promised_or_unknown() -> None:
    held = ("beta-vae", "wgan-gp")
    for name in (*held, "auto"):
        require_model(name, held)
    with pytest.raises(ConfigError, match=r"'wgan' is unknown\. Did you mean 'wgan-gp'\?"):
        require_model("wgan", held)

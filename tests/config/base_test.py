"""Tests of `maenas_tf.config`."""

import dataclasses
import json

import pytest

from maenas_tf.config import ConfigError, SearchConfig

NAN = float("nan")

INVALID = [
    ("order", "third"),
    ("hessian_vector_product", "guess"),
    ("mask_fill", "black"),
    ("reconstruction_loss", "hinge"),
    ("loss_region", "visible"),
    ("target", "labels"),
    ("strategy", "tpu"),
    ("precision", "float64"),
    ("patch_size", 0),
    ("init_channels", 0),
    ("epochs", 0),
    ("batch_size", -1),
    ("max_images", -1),
    ("image_size", -32),
    ("decoder_width", -1),
    ("num_cells", -8),
    ("num_replicas", -1),
    ("weight_learning_rate", 0.0),
    ("weight_learning_rate", NAN),
    ("alpha_learning_rate", -3e-4),
    ("weight_learning_rate_min", -0.001),
    ("weight_decay", -3e-4),
    ("weight_decay", NAN),
    ("alpha_weight_decay", -1e-3),
    ("alpha_average", 0),
    ("clip_norm", -5.0),
    ("weight_learning_rate", float("inf")),
    ("alpha_learning_rate", float("inf")),
    ("clip_norm", float("inf")),
    ("seed", -1),
    ("seed", 2**32),
    ("epochs", 1.5),
    ("epochs", "3"),
    ("epochs", True),
    ("epochs", None),
    ("momentum", "0.9"),
    ("momentum", False),
    ("nesterov", 1),
    ("nesterov", "yes"),
    ("space", None),
    ("data_dir", 3),
    ("momentum", 1.0),
    ("momentum", -0.1),
    ("mask_ratio", 1.0),
    ("mask_ratio", -0.1),
    ("mask_ratio", NAN),
    ("noise_level", 0.0),
    ("random_classes", 1),
    ("warmup_epochs", -2),
    ("warmup_epochs", 51),
]

CONFLICTS = [
    ({"num_replicas": 2}, "num_replicas", "strategy"),
    (
        {"num_replicas": 3, "strategy": "mirrored", "batch_size": 64},
        "batch_size",
        "num_replicas",
    ),
    (
        {"jit_compile": True, "strategy": "mirrored"},
        "jit_compile",
        "strategy",
    ),
    ({"recompute": True, "jit_compile": True}, "recompute", "jit_compile"),
    ({"hessian_vector_product": "exact"}, "hessian_vector_product", "order"),
    ({"nesterov": True, "momentum": 0.0}, "nesterov", "momentum"),
]


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_invalid_setting_names_the_flag_and_the_value(name, value):
    with pytest.raises(ConfigError) as caught:
        SearchConfig(**{name: value})
    assert f"--{name}={value}" in str(caught.value)


@pytest.mark.parametrize(("settings", "first", "second"), CONFLICTS)
def test_conflicting_settings_name_both_flags(settings, first, second):
    with pytest.raises(ConfigError) as caught:
        SearchConfig(**settings)
    assert f"--{first}" in str(caught.value)
    assert f"--{second}" in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_replicas": 2, "strategy": "mirrored", "batch_size": 64},
        {"hessian_vector_product": "exact", "order": "second"},
        {"jit_compile": True, "strategy": "one_device"},
        {"nesterov": True, "momentum": 0.9},
        {"warmup_epochs": 50, "epochs": 50},
        {"mask_ratio": 0.0},
        {"clip_norm": 0.0},
    ],
)
def test_settings_at_the_edge_of_validity_are_accepted(settings):
    config = SearchConfig(**settings)
    assert {name: getattr(config, name) for name in settings} == settings


def test_choices_are_listed_in_the_message():
    with pytest.raises(ConfigError, match="zero, token, noise"):
        SearchConfig(mask_fill="black")


def test_config_error_is_a_value_error():
    assert issubclass(ConfigError, ValueError)


def test_defaults_are_those_of_the_darts_search():
    config = SearchConfig()
    # Liu et al. (2019), section A.1.1.
    assert (config.epochs, config.batch_size) == (50, 64)
    assert (config.weight_learning_rate, config.momentum) == (0.025, 0.9)
    assert (config.weight_decay, config.alpha_weight_decay) == (3e-4, 1e-3)
    assert (config.alpha_learning_rate, config.clip_norm) == (3e-4, 5.0)


def test_json_round_trip_is_exact():
    config = SearchConfig(space="s3", weight_decay=1.1e-4, nesterov=True)
    assert SearchConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["weight_decay"] == 1.1e-4


def test_json_with_an_unknown_field_is_an_error():
    values = json.loads(SearchConfig().to_json())
    values["colour"] = "red"
    with pytest.raises(ConfigError, match="colour"):
        SearchConfig.from_json(json.dumps(values))


def test_json_with_a_missing_field_is_an_error():
    values = json.loads(SearchConfig().to_json())
    del values["momentum"]
    with pytest.raises(ConfigError, match="momentum"):
        SearchConfig.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[]", "3", "null"])
def test_malformed_json_is_a_config_error(text):
    with pytest.raises(ConfigError, match="The configuration"):
        SearchConfig.from_json(text)


def test_json_of_a_wrong_type_is_a_config_error():
    text = SearchConfig().to_json().replace('"epochs": 50', '"epochs": "many"')
    with pytest.raises(ConfigError, match="--epochs=many"):
        SearchConfig.from_json(text)


def test_whole_numbers_stand_for_fractions():
    config = SearchConfig(clip_norm=0, momentum=0)
    assert (type(config.clip_norm), type(config.momentum)) == (float, float)
    assert config == SearchConfig(clip_norm=0.0, momentum=0.0)


def test_json_is_validated():
    text = SearchConfig().to_json().replace('"first"', '"third"')
    with pytest.raises(ConfigError, match="--order=third"):
        SearchConfig.from_json(text)


def test_replace_leaves_the_original_and_validates_anew():
    config = SearchConfig()
    assert config.replace(epochs=2).epochs == 2
    assert config.epochs == 50
    with pytest.raises(ConfigError, match="--epochs=0"):
        config.replace(epochs=0)


def test_differences_name_the_changed_fields():
    config = SearchConfig()
    assert config.differences(SearchConfig()) == []
    changed = config.replace(seed=1, space="s1")
    assert config.differences(changed) == ["space", "seed"]


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SearchConfig().seed = 1

"""Tests of `maenas_tf.training.config`."""

import json

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import TrainConfig

NAN = float("nan")

INVALID = [
    ("schedule", "steps"),
    ("stem", "vit"),
    ("strategy", "tpu"),
    ("precision", "float16"),
    ("init_channels", 0),
    ("epochs", 0),
    ("batch_size", 0),
    ("max_images", -1),
    ("image_size", -1),
    ("num_cells", -1),
    ("num_replicas", -1),
    ("validation_fraction", 1.0),
    ("validation_fraction", -0.1),
    ("learning_rate", 0.0),
    ("learning_rate", NAN),
    ("learning_rate_min", -1.0),
    ("learning_rate_decay", 0.0),
    ("learning_rate_decay", 1.1),
    ("warmup_epochs", -1),
    ("warmup_epochs", 601),
    ("momentum", 1.0),
    ("weight_decay", -1e-4),
    ("clip_norm", -1.0),
    ("auxiliary_weight", -0.4),
    ("auxiliary_weight", -2.0),
    ("drop_path", 1.0),
    ("cutout", -1),
    ("label_smoothing", 1.0),
    ("seed", -1),
]

CONFLICTS = [
    ({"num_replicas": 2}, "num_replicas", "strategy"),
    ({"nesterov": True, "momentum": 0.0}, "nesterov", "momentum"),
    ({"learning_rate_decay": 0.9}, "learning_rate_decay", "schedule"),
    (
        {"schedule": "exponential", "learning_rate_min": 0.001},
        "learning_rate_min",
        "schedule",
    ),
    (
        {"learning_rate": 0.1, "learning_rate_min": 0.2},
        "learning_rate_min",
        "learning_rate",
    ),
    (
        {"jit_compile": True, "strategy": "mirrored"},
        "jit_compile",
        "strategy",
    ),
]


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_invalid_setting_names_the_flag_and_the_value(name, value):
    with pytest.raises(ConfigError) as caught:
        TrainConfig(**{name: value})
    assert f"--{name}={value}" in str(caught.value)


@pytest.mark.parametrize(("settings", "first", "second"), CONFLICTS)
def test_conflicting_settings_name_both_flags(settings, first, second):
    with pytest.raises(ConfigError) as caught:
        TrainConfig(**settings)
    assert f"--{first}" in str(caught.value)
    assert f"--{second}" in str(caught.value)


def test_defaults_are_those_of_the_darts_evaluation():
    config = TrainConfig()
    # Liu et al. (2019), section A.2.
    assert (config.init_channels, config.epochs) == (36, 600)
    assert (config.batch_size, config.learning_rate) == (96, 0.025)
    assert (config.momentum, config.weight_decay) == (0.9, 3e-4)
    assert config.clip_norm == 5.0
    assert (config.drop_path, config.cutout) == (0.2, 16)


def test_json_round_trip_is_exact():
    config = TrainConfig(genotype="runs/a", weight_decay=1.1e-4, nesterov=True)
    assert TrainConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["weight_decay"] == 1.1e-4


def test_the_configuration_of_a_search_is_none_of_a_training():
    with pytest.raises(ConfigError, match="no TrainConfig"):
        TrainConfig.from_json(SearchConfig().to_json())
    with pytest.raises(ConfigError, match="no SearchConfig"):
        SearchConfig.from_json(TrainConfig().to_json())


def test_a_genotype_of_several_lines_fits_in_a_flag_file():
    config = TrainConfig(genotype='{"space": "nasbench201",\n "arch": "|x|"}')
    assert config.genotype == '{"space": "nasbench201",  "arch": "|x|"}'

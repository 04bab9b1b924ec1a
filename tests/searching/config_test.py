"""Tests of `maenas_tf.searching.config`."""

import dataclasses
import json

import pytest

from maenas_tf.algorithms import ALGORITHMS, Algorithm
from maenas_tf.config import (
    AT_LEAST_ONE,
    FRACTION,
    Config,
    ConfigError,
    setting,
)
from maenas_tf.runs.run_directory import to_flags
from maenas_tf.searching.choose import choose
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import TASKS, Task

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


@pytest.mark.parametrize(
    ("algorithm", "before", "today"),
    [("p_darts", 2, -1), ("p_darts", 3, 3), ("darts", 2, -1), ("darts", 3, -1)],
)
def test_the_former_limit_of_p_darts_is_read(algorithm, before, today):
    values = SearchConfig(algorithm=algorithm).to_dict()
    del values["max_skips"]
    values["stage_max_skips"] = before
    config = SearchConfig.from_json(json.dumps(values))
    assert config == SearchConfig(algorithm=algorithm, max_skips=today)


def test_a_task_of_a_test_brings_its_setting_along():
    @dataclasses.dataclass(frozen=True)
    class BlurSettings(Config):
        blur: int = setting(3, "pixels", AT_LEAST_ONE)

    class Blurring(Task):
        settings = BlurSettings()

    with TASKS.temporary("blurring", Blurring):
        assert SearchConfig().blur == 3
        config = SearchConfig(blur=5, mask_ratio=0.5)
        assert json.loads(config.to_json())["blur"] == 5
        assert SearchConfig.from_json(config.to_json()) == config
        assert config.group(BlurSettings) == BlurSettings(blur=5)
        assert list(config.unread()) == [("task", "blur")]
        assert "--blur=5" in to_flags(config)
        with pytest.raises(ConfigError, match="--blur=0.*at least 1"):
            SearchConfig(blur=0)
    with pytest.raises(ConfigError, match="'blur'"):
        SearchConfig(blur=5)


def test_an_algorithm_of_a_test_brings_its_setting_along():
    @dataclasses.dataclass(frozen=True)
    class PartialSettings(Config):
        part: float = setting(0.25, "of the channels", FRACTION)

    class Partial(Algorithm):
        settings = PartialSettings()

    space = SPACES.get("nasbench201")
    with ALGORITHMS.temporary("partial", Partial):
        config = SearchConfig(space=space.name, algorithm="partial", part=0.5)
        algorithm, _, _ = choose(config, space)
        assert algorithm.settings == PartialSettings(part=0.5)
        assert list(config.unread()) == []
        changed = config.replace(algorithm="darts")
        assert list(changed.unread()) == [("algorithm", "part")]
    # Who makes one by hand has the defaults.
    assert Partial().settings.part == 0.25

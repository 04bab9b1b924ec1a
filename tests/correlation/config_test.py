"""Tests of `maenas_tf.correlation.config`."""

from __future__ import annotations

import dataclasses
import pathlib
import re

import pytest

from maenas_tf.config import ConfigError, SearchConfig
from maenas_tf.correlation import config as correlate_config
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.spaces import benchmark201

PACKAGE = pathlib.Path(correlate_config.__file__).parents[1]
# Where settings are read when architectures are trained alone.
READERS = [
    *sorted((PACKAGE / "tasks").glob("*.py")),
    *(
        PACKAGE / "training" / f"{name}.py"
        for name in ("correlate", "proxy", "runtime", "distribution")
    ),
]


def test_no_setting_is_accepted_and_ignored():
    text = "".join(path.read_text() for path in READERS)
    read = set(re.findall(r"\bconfig\.(\w+)", text))
    # As `tasks`, `steps` and `supernet_dirs`.
    read |= {"task", "at_steps", "supernets"}
    names = {field.name for field in dataclasses.fields(CorrelateConfig)}
    assert names - read == set()


def test_what_is_left_out_are_settings_of_a_search():
    known = {field.name for field in dataclasses.fields(SearchConfig)}
    left_out = correlate_config._OF_THE_SEARCH_ALONE | correlate_config._OWN
    assert left_out <= known


def test_the_search_of_an_objective_has_its_settings():
    config = CorrelateConfig(
        task="mae,supervised", mask_ratio=0.5, decoder="linear", seed=3
    )
    search = config.search_config("supervised")
    assert search.task == "supervised"
    assert search.space == "nasbench201"
    assert (search.mask_ratio, search.decoder, search.seed) == (
        0.5,
        "linear",
        3,
    )
    assert (search.init_channels, search.num_cells) == (8, 1)


def test_it_survives_json():
    config = CorrelateConfig(at_steps="3,7", task="mae,supervised")
    assert CorrelateConfig.from_json(config.to_json()) == config
    assert config.steps == [3, 7]
    assert config.tasks == ["mae", "supervised"]


def test_the_benchmarks_are_those_there_are_accuracies_of():
    assert correlate_config.BENCHMARKS == benchmark201.DATASETS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task", ""),
        ("task", "mae,"),
        ("task", "mae,mae"),
        ("at_steps", ""),
        ("at_steps", "10,x"),
        ("at_steps", "10,10"),
        ("at_steps", "20,10"),
        ("at_steps", "0,10"),
        ("num_architectures", 1),
        ("num_architectures", 15_626),
        ("held_out_images", 63),
        ("benchmark", "cifar11"),
        ("resamples", 0),
        ("num_cells", 0),
        ("init_channels", 0),
        ("mask_ratio", 1.0),
        ("momentum", 1.0),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(name, value):
    with pytest.raises(ConfigError, match=f"--{name}={re.escape(str(value))}"):
        CorrelateConfig(**{name: value})

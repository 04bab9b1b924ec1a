"""Tests of `maenas_tf.correlation.config`."""

from __future__ import annotations

import pathlib
import re

import pytest

from maenas_tf.config import ConfigError, DataSettings, RuntimeSettings
from maenas_tf.correlation import config as correlate_config
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import benchmark201

ROOM = pathlib.Path(correlate_config.__file__).parent


def test_no_setting_is_accepted_and_ignored():
    text = "".join(path.read_text() for path in sorted(ROOM.glob("*.py")))
    read = set(re.findall(r"\bconfig\.(\w+)", text))
    # As `tasks`, `steps`, `supernet_dirs`, `candidate_dirs` and `sum_names`.
    read |= {"task", "at_steps", "supernets", "candidates", "sums"}
    # What `load_configured`, `configure_runtime` and the tasks read.
    read |= {*DataSettings.settings(), *RuntimeSettings.settings()}
    groups = CorrelateConfig.registered()["task"].values()
    read |= {name for group in groups for name in group.settings()}
    assert set(CorrelateConfig.settings()) - read == set()


def test_what_a_search_shares_has_its_default():
    changed = {
        name
        for name, value in CorrelateConfig.defaults().items()
        if value != SearchConfig.defaults().get(name, value)
    }
    assert changed == {"space", "init_channels", "num_cells", "held_out_images"}


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

"""Tests of `maenas_tf.sweeps.sweep_grid`."""

import re

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.config.grid import parse_grid
from maenas_tf.searching.config import SearchConfig
from maenas_tf.sweeps import sweep_grid

GRID = "mask_ratio=0.5,0.75; decoder=linear,hierarchical"
SEARCH = sweep_grid.ConfigTool("search", SearchConfig)


def test_every_combination_is_there_once_seeds_fastest():
    grid = parse_grid(GRID, SearchConfig.defaults())
    runs = sweep_grid.expand(SEARCH, {"epochs": 2}, grid, (0, 7))
    assert len({run.name for run in runs}) == len(runs) == 8
    assert [run.name for run in runs[:3]] == [
        "mask_ratio=0.5__decoder=linear__seed=0",
        "mask_ratio=0.5__decoder=linear__seed=7",
        "mask_ratio=0.5__decoder=hierarchical__seed=0",
    ]
    config = runs[1].config
    assert (config.mask_ratio, config.decoder) == (0.5, "linear")
    assert (config.seed, config.epochs) == (7, 2)


def test_without_a_grid_the_seeds_alone_make_the_runs():
    runs = sweep_grid.expand(SEARCH, {}, {}, (3, 4))
    assert [run.name for run in runs] == ["seed=3", "seed=4"]


def test_names_are_those_of_files_and_stay_apart():
    values = ("../my images", "..-my-images", "/a/b", "x" * 300)
    runs = sweep_grid.expand(SEARCH, {}, {"data_dir": values}, (0,))
    names = [run.name for run in runs]
    assert len(set(names)) == len(values)
    for name in names:
        assert re.fullmatch(r"[\w.=+-]{1,80}", name, re.ASCII), name
        assert not name.startswith(".")


@pytest.mark.parametrize("text", ["", "0,a", "1,1", "0,,1"])
def test_bad_seeds_are_refused(text):
    with pytest.raises(ConfigError, match="--seeds="):
        sweep_grid.parse_seeds(text)


@pytest.mark.parametrize(
    ("base", "grid", "words"),
    [
        ({}, {"mask_ratio": (0.5, 2.0)}, ("--mask_ratio=2.0", "[0, 1)")),
        ({}, {"decoder": ("linaer",)}, ("--decoder", "'linear'")),
        ({}, {"space": ("dartz",)}, ("--space", "'darts'")),
        ({}, {"task": ("maee",)}, ("--task", "'mae'")),
        (
            {"hessian_vector_product": "exact"},
            {"order": ("second", "first")},
            ("--order=first", "order=first__seed=0"),
        ),
        (
            {"image_size": 16},
            {"patch_size": (4, 5)},
            ("--patch_size=5", "patch_size=5__seed=0"),
        ),
    ],
)
def test_a_combination_that_is_no_search_is_refused_by_name(base, grid, words):
    with pytest.raises(ConfigError) as error:
        sweep_grid.expand(SEARCH, base, grid, (0,))
    for word in ("The combination", *words):
        assert word in str(error.value)


def test_the_grid_replaces_a_base_that_would_not_be_valid_alone():
    base = {"hessian_vector_product": "exact"}
    (run,) = sweep_grid.expand(SEARCH, base, {"order": ("second",)}, (0,))
    assert run.config.order == "second"


def test_no_search_counts_twice_as_a_restart_of_another():
    runs = sweep_grid.expand(SEARCH, {"restarts": 3}, {}, (0, 3))
    assert [run.config.restarts for run in runs] == [3, 3]
    with pytest.raises(ConfigError, match="--seeds=0,2 .*give --seeds=0,3"):
        sweep_grid.expand(SEARCH, {"restarts": 3}, {}, (0, 2))


def test_runs_of_evaluations_alone_have_no_seed_to_keep_apart():
    class Evaluations:
        name, defaults = "pipeline", {}

        def make_run(self, name, values):
            stage = sweep_grid.Stage("evaluation.json", folder="train")
            return sweep_grid.SweepRun(name, (stage,), self.name, ())

    runs = sweep_grid.expand(Evaluations(), {}, {}, (0, 1))
    assert [run.name for run in runs] == ["seed=0", "seed=1"]
    assert runs[0].config is None

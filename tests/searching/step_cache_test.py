"""Runs that take up steps which other runs have traced."""

from __future__ import annotations

import pytest

from maenas_tf.engine import step_runner
from maenas_tf.engine.signals import Interrupted
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.searching.begin import make_search
from maenas_tf.spaces import SPACES
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.experiment import TrainExperiment
from tests.searching import small
from tests.tools import commands
from tests.training.stopping import AfterSteps

IMAGES = small.make_images(24, num_classes=2)
SETTINGS = {
    "space": small.ONE_EDGE.name,
    "dataset": "arrays",
    "decoder": "linear",
    "epochs": 2,
    "warmup_epochs": 1,
    "perturb_alphas": "random",
}
TRAINING = {
    "genotype": "|skip_connect~0|+|none~0|nor_conv_1x1~1|+"
    "|none~0|none~1|nor_conv_3x3~2|",
    "dataset": "arrays",
    "init_channels": 2,
    "num_cells": 1,
    "epochs": 2,
    "batch_size": 4,
    "auxiliary_weight": 0.0,
    "drop_path": 0.3,
    "cutout": 2,
    "validation_fraction": 0.25,
}


@pytest.fixture(autouse=True)
def own_space(monkeypatch):
    # Other tests may have loaded modules whose files are gone or new.
    monkeypatch.setattr(step_runner, "program", dict)
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        yield


@pytest.fixture
def traced(monkeypatch):
    """A list that grows by each function that is traced."""
    made, make = [], StepRunner._make

    def making(self):
        made.append(self.model.mode)
        return make(self)

    monkeypatch.setattr(StepRunner, "_make", making)
    return made


def search(run_dir, signals=None, **settings):
    config = small.make_config(**{**SETTINGS, **settings})
    make_search(config, run_dir, IMAGES, signals=signals).run()


def train(run_dir, signals=None, **settings):
    config = TrainConfig(**{**TRAINING, **settings})
    TrainExperiment(config, run_dir, IMAGES, signals=signals).run()


@pytest.mark.parametrize(("run", "phases"), [(search, 2), (train, 1)])
def test_a_run_that_loads_and_goes_on_has_the_bits_of_one_that_traces(
    run, phases, traced, tmp_path
):
    cache = {"step_cache": str(tmp_path / "steps")}
    run(tmp_path / "alone", seed=4, step_cache="off")
    assert len(traced) == phases
    assert not (tmp_path / "steps").exists()
    run(tmp_path / "first", seed=3, **cache)
    assert len(traced) == 2 * phases

    run(tmp_path / "again", seed=4, **cache)
    with pytest.raises(Interrupted):
        run(tmp_path / "stopped", AfterSteps(6), seed=4, **cache)
    # Where it is computed is no part of the run: another folder is allowed.
    run(tmp_path / "stopped", seed=4, **cache)
    assert len(traced) == 2 * phases

    _, wanted = commands.checkpoint(tmp_path / "alone")
    for name in ("again", "stopped"):
        assert commands.checkpoint(tmp_path / name)[1] == wanted
    assert commands.checkpoint(tmp_path / "first")[1] != wanted


def test_a_run_may_go_on_with_another_folder(traced, tmp_path):
    with pytest.raises(Interrupted):
        train(tmp_path / "run", AfterSteps(1), step_cache=str(tmp_path / "a"))
    train(tmp_path / "run", step_cache=str(tmp_path / "b"))
    assert len(traced) == 2
    assert len(list((tmp_path / "b").iterdir())) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"weight_decay": 0.1},
        {"clip_norm": 1.0},
        {"momentum": 0.5},
        {"nesterov": True},
        {"label_smoothing": 0.1},
        {"class_weight": "balanced"},
        {"batch_size": 8},
        {"init_channels": 4},
        {"drop_path": 0.0},
        {"precision": "bfloat16"},
        {"deterministic": False},
    ],
    ids=str,
)
def test_each_setting_of_a_training_has_a_key_of_its_own(
    changes, tmp_path, monkeypatch
):
    keys = []

    def told(self, iterator):
        keys.append(self._identity(iterator)[0])
        raise InterruptedError

    monkeypatch.setattr(StepRunner, "_step", told)
    for number, settings in enumerate(({}, changes, {})):
        with pytest.raises(InterruptedError):
            train(
                tmp_path / str(number),
                step_cache=str(tmp_path / "steps"),
                **settings,
            )
    assert keys[0] == keys[2] != keys[1]

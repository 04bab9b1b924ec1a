"""Tests of `maenas_tf.searching.tuning`, in a whole selection by perturbation.

Without momentum or decay, only what a gradient reaches moves.
"""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.runs.run_reader import read_run
from maenas_tf.runs.run_record import measures
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from tests.searching import small

NUM_IMAGES = 24
STEPS = NUM_IMAGES // 2 // 4
TUNINGS = 5  # between the decisions on six edges
CONFIG = small.make_config(
    dataset="arrays",
    epochs=1,
    selection="perturbation",
    held_out_images=8,
    tuning_epochs=1,
    momentum=0.0,
    weight_decay=0.0,
)
# Of the copies taken: amid the second tuning and after the third.
AMID, AFTER = (1, 2), (3, 0)


def make(run_dir, signals=None):
    images = small.make_images(NUM_IMAGES)
    return SearchExperiment(CONFIG, run_dir, images, signals=signals)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished run, copies of it on the way, and its result."""
    folder = tmp_path_factory.mktemp("tuning")
    experiment = make(folder / "whole")
    make_tuning = experiment._make_tuning

    def copying_tuning(most):
        tuning = make_tuning(most)
        loop, save = tuning.loop, tuning.loop.save

        def save_and_copy():
            path = save()
            place = (loop.state["epoch"], loop.state["step"])
            if place in (AMID, AFTER):
                shutil.copytree(folder / "whole", folder / str(place))
            return path

        loop.save, loop.checkpoint_seconds = save_and_copy, -1.0
        return tuning

    experiment._make_tuning = copying_tuning
    return folder, experiment.run()


def losses(run_dir):
    """Returns variant to held-out loss, as written."""
    with open(run_dir / "perturbations.csv", newline="") as file:
        return {r["variant"]: r["held_out_loss"] for r in csv.DictReader(file)}


def variables(run_dir, name):
    """Returns key to value of the latest checkpoint in a directory."""
    path = tf.train.latest_checkpoint(str(run_dir / name))
    reader = tf.train.load_checkpoint(path)
    return {
        key: reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if key.startswith("variables/")
    }


def test_the_weights_train_between_decisions_and_the_alphas_do_not(finished):
    folder, result = finished
    before = variables(folder / "whole", "checkpoints")
    after = variables(folder / "whole", "tuning_checkpoints")
    moved = {k for k in before if not np.array_equal(before[k], after[k])}
    assert any("edge_" in key for key in moved)
    assert not any("alphas" in k and "learning_rate" not in k for k in moved)
    (count,) = [
        key
        for key in before
        if "weight_optimizer" in key and "iteration" in key
    ]
    assert before[count] == STEPS
    assert after[count] == STEPS * (1 + TUNINGS)
    (rate,) = [
        key for key in after if "weight_optimizer" in key and "rate" in key
    ]
    assert after[rate] == np.float32(CONFIG.weight_learning_rate / 10)
    selection = result.summary["selection"]
    assert selection["tuning_images"] == TUNINGS * STEPS * CONFIG.batch_size
    assert selection["tuning_seconds"] > 0
    seconds = selection["seconds"] + selection["tuning_seconds"]
    assert result.summary["seconds_search"] > seconds
    figures = measures(read_run(folder / "whole", "run", {}))
    assert figures["images"] == STEPS * 4 * (2 + TUNINGS)


def test_what_was_decided_against_is_not_trained(finished):
    folder, _ = finished
    first = {
        name: float(loss)
        for name, loss in losses(folder / "whole").items()
        if name.startswith("0: ") and "without" in name
    }
    kept = max(first, key=first.get)
    _, _, edge, _, kept = kept.split(" ")
    edge = "edge_" + edge.replace("->", "_") + "/"
    before = variables(folder / "whole", "checkpoints")
    after = variables(folder / "whole", "tuning_checkpoints")
    moved = {
        key.replace(".S", "/")
        for key in before
        if not np.array_equal(before[key], after[key])
    }
    assert moved
    others = [key for key in moved if edge in key and f"/{kept}/" not in key]
    assert others == []


@pytest.mark.parametrize("place", [AMID, AFTER])
def test_a_killed_tuning_ends_as_one_in_peace(finished, place):
    folder, expected = finished
    run_dir = folder / str(place)
    result = make(run_dir).run()
    assert result.genotype == expected.genotype
    assert losses(run_dir) == losses(folder / "whole")
    name = "tuning_checkpoints"
    for key, value in variables(folder / "whole", name).items():
        found = variables(run_dir, name)[key]
        assert np.array_equal(found, value), key


def test_a_signal_in_a_tuning_is_obeyed(finished):
    folder, _ = finished
    run_dir = folder / "signalled"
    shutil.copytree(folder / "whole", run_dir)
    (run_dir / "summary.json").unlink()
    shutil.rmtree(run_dir / "tuning_checkpoints")
    signals = SignalWatch()
    signals.received = "SIGTERM"
    with pytest.raises(Interrupted, match="SIGTERM in epoch 1 after step 1 of"):
        make(run_dir, signals).run()
    assert losses(run_dir) == losses(folder / "whole")


def test_lost_losses_are_not_replaced_by_those_of_later_weights(finished):
    folder, _ = finished
    run_dir = folder / "lost"
    shutil.copytree(folder / "whole", run_dir)
    (run_dir / "summary.json").unlink()
    lines = (run_dir / "perturbations.csv").read_text().splitlines()
    (run_dir / "perturbations.csv").write_text("\n".join(lines[:9]) + "\n")
    with pytest.raises(ConfigError, match="lost losses.*remove that directory"):
        make(run_dir).run()
    assert len(losses(run_dir)) == 8


def test_fewer_than_no_epochs_are_refused():
    with pytest.raises(ConfigError, match="--tuning_epochs=-1.*0 for none"):
        SearchConfig(tuning_epochs=-1)

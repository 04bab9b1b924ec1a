"""Tests of `maenas_tf.training.pretrain_experiment` and what it is made of."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from maenas_tf.config import ConfigError
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.augment import Augmentation
from maenas_tf.engine.signals import Interrupted
from maenas_tf.models.backbone import Backbone, transfer_weights
from maenas_tf.models.network import Network
from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.skeletons import evaluation_size, skeleton_of
from maenas_tf.spaces import SPACES
from maenas_tf.training.config import PretrainConfig
from maenas_tf.training.moving_statistics import estimate_statistics
from maenas_tf.training.pretrain_experiment import PretrainExperiment
from maenas_tf.training.trained_run import load_trained
from tests.training.stopping import AfterSteps

CELL = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|"
CELL += "nor_conv_3x3~2|"
SETTINGS = {
    "genotype": CELL,
    "init_channels": 2,
    "num_cells": 1,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.1,
    "patch_size": 4,
    "mask_ratio": 0.75,
}
COUNT = 40


def make_images(labels=None):
    """Images of one colour each, with a little noise."""
    rng = np.random.default_rng(0)
    colours = rng.integers(20, 230, (COUNT, 1, 1, 3))
    images = colours + rng.integers(-20, 20, (COUNT, 8, 8, 3))
    return from_arrays(images.astype(np.uint8), labels=labels)


def begin(run_dir, images=None, signals=None, **changes):
    return PretrainExperiment(
        PretrainConfig(**{**SETTINGS, **changes}),
        run_dir,
        images or make_images(),
        signals=signals,
    )


def pretrain(run_dir, **how):
    experiment = begin(run_dir, **how)
    return experiment, experiment.run()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Directory, experiment and result of a whole pretraining."""
    run_dir = tmp_path_factory.mktemp("pretrain") / "run"
    return run_dir, *pretrain(run_dir)


def test_the_directory_holds_what_was_promised(done):
    run_dir, _, _ = done
    names = {path.name for path in run_dir.iterdir()}
    assert names == {
        ".lock",
        "backbone.keras",
        "checkpoints",
        "config.json",
        "data.json",
        "flags.txt",
        "genotype.json",
        "history.csv",
        "plots",
        "preprocessing.json",
        "summary.json",
        "tensorboard",
    }
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["kind"] == "pretraining"
    assert summary["num_images"] == COUNT
    assert summary["num_labels_read"] == 0
    assert summary["task"] == "mae"
    assert (run_dir / "plots/reconstructions.png").read_bytes()[1:4] == b"PNG"


def test_it_learns_and_tensorboard_shows_how(done):
    run_dir, _, result = done
    losses = [row["train_loss"] for row in result.history]
    assert losses[-1] < 0.97 * losses[0]
    accumulator = event_accumulator.EventAccumulator(
        str(run_dir / "tensorboard")
    ).Reload()
    shown = [event.value for event in accumulator.Scalars("train/loss")]
    assert shown == pytest.approx(losses)
    assert len(accumulator.Images("reconstructions")) == 3


def test_no_label_reaches_it(done, tmp_path):
    _, experiment, _ = done
    batch = experiment._dataset(0, 0).element_spec
    assert set(batch) == {"input", "target", "mask"}
    labels = np.arange(COUNT) % 4
    with pytest.raises(ConfigError, match="reads no labels"):
        begin(tmp_path, make_images(labels))
    with pytest.raises(ConfigError, match="--task=supervised reads labels"):
        begin(tmp_path, task="supervised")


def test_every_image_is_trained_on(done):
    _, experiment, _ = done
    seen = {
        image.tobytes()
        for batch in unchanged(experiment)
        for image in batch["target"].numpy()
    }
    assert len(seen) == COUNT


def unchanged(experiment):
    """An epoch's batches without crop and flip."""
    experiment.augmentation, own = Augmentation(), experiment.augmentation
    dataset = experiment._dataset(1, 0)
    experiment.augmentation = own
    return dataset


def variables_of(experiment):
    return {
        f"{group}/{v.path}": v.numpy().tobytes()
        for group, members in experiment.model.variable_groups.items()
        for v in members
    }


def test_a_run_stopped_twice_ends_with_the_same_bits(done, tmp_path):
    run_dir, undisturbed, result = done
    for calls in (0, 4):
        with pytest.raises(Interrupted):
            pretrain(tmp_path, signals=AfterSteps(calls))
        assert not (tmp_path / "backbone.keras").exists()
    experiment, again = pretrain(tmp_path)
    expected, found = variables_of(undisturbed), variables_of(experiment)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []
    # What is made of it is the same too.
    pairs = zip(
        result.backbone.variables, again.backbone.variables, strict=True
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_finished_run_is_not_run_again(done):
    run_dir, _, result = done
    before = (run_dir / "backbone.keras").read_bytes()
    _, again = pretrain(run_dir)
    assert again.summary == result.summary
    assert (run_dir / "backbone.keras").read_bytes() == before


def test_the_backbone_has_the_weights_that_were_learned(done):
    _, experiment, result = done
    trunk = experiment.model.network.trunk
    pairs = zip(
        trunk.trainable_variables,
        result.backbone.trainable_variables,
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def whole(images):
    """Returns all images as the network sees them, [N, H, W, 3]."""
    values = images.read(np.arange(images.num_images)) / 255.0
    normalized = (values - np.array(images.mean)) / np.array(images.std)
    return normalized.astype(np.float32)


def stem_statistics(backbone, x):
    """Returns mean and variance of what the stem's normalisation sees."""
    stem = backbone.trunk.trunk.placed[0]
    seen = tf.nn.conv2d(x, stem.kernels[0].value, 1, "SAME").numpy()
    flat = seen.reshape(-1, seen.shape[-1]).astype(np.float64)
    return flat.mean(axis=0), flat.var(axis=0)


def test_the_statistics_kept_are_those_of_whole_images(done):
    _, experiment, result = done
    expected = stem_statistics(result.backbone, whole(experiment.images))
    norm = result.backbone.trunk.trunk.placed[0].norms[0]
    for variable, wanted in zip(
        (norm.moving_mean, norm.moving_variance), expected, strict=True
    ):
        np.testing.assert_allclose(variable.numpy(), wanted, 1e-4, 1e-5)
    # Three quarters of the images that were trained on are blank.
    learned = experiment.model.network.trunk.placed[0].norms[0]
    assert (learned.moving_variance.numpy() < 0.6 * expected[1]).all()
    shift = result.summary["statistics_shift"]
    assert shift["deviation"] > 0.2
    assert result.summary["statistics_images"] == COUNT


def test_statistics_of_batches_are_those_of_all_their_images():
    inputs = keras.Input((4, 4, 3))
    norm = BatchNormalization(True, True)
    model = keras.Model(inputs, norm(inputs))
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, (12, 4, 4, 3)).astype(np.float32)
    x += np.arange(12, dtype=np.float32).reshape(-1, 1, 1, 1)
    batches = [tf.constant(x[i : i + 4]) for i in (0, 4, 8)]
    shift = estimate_statistics(model, batches)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(
        norm.moving_variance.numpy(), variance, rtol=1e-5
    )
    # From mean 0 and deviation 1 on.
    assert shift["mean"] == pytest.approx(np.abs(mean).mean(), rel=1e-4)
    expected = (np.sqrt(variance) - 1).mean()
    assert shift["deviation"] == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="no batch"):
        estimate_statistics(model, [])


@pytest.mark.parametrize("name", SPACES.names())
def test_the_network_is_that_of_the_training_in_every_space(name):
    space = SPACES.get(name)
    genotype = space.random_genotype(np.random.default_rng(0))
    size = evaluation_size(space, "", 2, skeleton_of(space).min_num_cells, 64)
    stem, num_cells = size.stem, size.num_cells
    network = Network(genotype, 3, 2, num_cells, 64, stem)
    head = keras.layers.Layer()
    learned = TaskNetwork(genotype, 2, num_cells, head, 64, stem, search=False)

    def described(trunk):
        return [
            (v.path.partition("trunk")[2], tuple(v.shape), v.trainable)
            for v in trunk.variables
        ]

    assert described(learned.trunk) == described(network.trunk)
    transfer_weights(learned, network)
    for one, other in zip(
        learned.trunk.variables, network.trunk.variables, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "rotation"},
        {"task": "jigsaw"},
        {"mask_fill": "token", "statistics_images": 0},
    ],
    ids=lambda changes: "_".join(map(str, changes.values())),
)
def test_tasks_of_several_forms_are_pretrained_with(changes, tmp_path):
    images = None
    if changes.get("task") == "jigsaw":
        rng = np.random.default_rng(0)
        images = from_arrays(rng.integers(0, 256, (16, 32, 32, 3), np.uint8))
    experiment, result = pretrain(
        tmp_path, images=images, epochs=1, steps_per_epoch=1, **changes
    )
    assert np.isfinite(result.history[0]["train_loss"])
    assert isinstance(result.backbone, Backbone)
    if "statistics_images" in changes:
        trunk = experiment.model.network.trunk
        kept = result.backbone.trunk.trunk.variables
        for one, other in zip(trunk.variables, kept, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    # A task that predicts classes has nothing to reconstruct.
    drawn = (tmp_path / "plots/reconstructions.png").exists()
    assert drawn == ("task" not in changes)
    assert ("train_accuracy" in result.history[0]) == ("task" in changes)


def test_a_pretraining_is_no_trained_network(done):
    with pytest.raises(ConfigError) as caught:
        load_trained(done[0])
    message = str(caught.value)
    assert "is that of a pretraining" in message
    assert "--init_from=" in message
    assert "backbone.keras" in message

"""What every registered task must keep."""

from __future__ import annotations

import functools
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.augment import CropAndFlip
from maenas_tf.data.pipeline import bilevel_dataset
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import TASKS
from tests.searching import small

NUM_CLASSES = 4
RECIPES = pathlib.Path(__file__).resolve().parents[2] / "flags" / "recipes"

# The least from which tiles of a puzzle fit the supernet.
SIZE = 24

every_task = pytest.mark.parametrize("name", TASKS.names())
every_label_free_task = pytest.mark.parametrize(
    "name", [n for n in TASKS.names() if not TASKS.get(n).reads_labels]
)


def make_dataset(task, images, **settings):
    return bilevel_dataset(
        images,
        example_map=task.map,
        batch_size=4,
        seed=0,
        epoch=0,
        augmentation=CropAndFlip(),
        with_labels=task.reads_labels,
        **settings,
    )


def make_searcher(name, **settings):
    classes = NUM_CLASSES if TASKS.get(name).reads_labels else 0
    return small.make_searcher(
        num_classes=classes, task=name, image_size=SIZE, **settings
    )


@functools.cache
def untouched(name):
    """Returns a searcher for tests that change nothing of it."""
    return make_searcher(name)


def make_images(name):
    classes = NUM_CLASSES * TASKS.get(name).reads_labels
    return small.make_images(16, classes, SIZE)


def keys(structure):
    """Returns the keys of nested dictionaries."""
    if not isinstance(structure, dict):
        return set()
    return set(structure).union(*map(keys, structure.values()))


@every_task
def test_only_a_task_that_says_so_reads_labels(name, monkeypatch):
    task = untouched(name).task
    seen = []
    original = task.map

    def spy(example, seed):
        seen.append(set(example))
        return original(example, seed)

    monkeypatch.setattr(task, "map", spy)
    # Labels are there to be taken, in the images too.
    dataset = make_dataset(task, small.make_images(16, NUM_CLASSES, SIZE))
    expected = {"image", "pixels", "index"}
    if task.reads_labels:
        expected.add("label")
    assert seen == [expected, expected]
    has_label = "label" in keys(dataset.element_spec)
    assert has_label == task.reads_labels


def test_all_but_the_supervised_task_are_label_free():
    reading = [n for n in TASKS.names() if TASKS.get(n).reads_labels]
    assert reading == ["supervised"]


@every_label_free_task
def test_a_label_free_task_runs_on_images_without_labels(name):
    images = small.make_images(16, image_size=SIZE)
    assert images.labels is None
    task = untouched(name).task
    assert len(list(make_dataset(task, images))) == 2


@every_task
def test_both_halves_have_the_same_form_and_an_input(name):
    task = untouched(name).task
    spec = make_dataset(task, make_images(name)).element_spec
    assert set(spec) == {"weights", "alphas"}
    assert spec["weights"] == spec["alphas"]
    found = spec["weights"]["input"]
    views = [found.shape[1]] * (found.shape.rank == 5)
    size = task.input_size
    assert found.shape.as_list() == [4, *views, size, size, 3]
    assert found.dtype == tf.float32


@every_task
def test_the_map_is_a_function_of_the_example_and_the_seed(name):
    task = untouched(name).task
    images = make_images(name)
    first, second = (
        list(make_dataset(task, images).as_numpy_iterator()) for _ in range(2)
    )
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


@every_task
def test_losses_and_metrics_are_one_number_an_image(name):
    searcher = untouched(name)
    task = searcher.task
    batch = next(iter(make_dataset(task, make_images(name))))["weights"]
    outputs = searcher(batch)
    losses = task.losses(batch, outputs)
    assert losses.shape == (4,)
    assert losses.dtype == tf.float32
    assert np.isfinite(losses).all()
    assert np.unique(losses).size > 1
    metrics = task.metrics(batch, outputs)
    assert set(metrics) == set(task.metric_names)
    assert all(value.shape == (4,) for value in metrics.values())
    for image in task.preview(batch, outputs) or ():
        assert image.shape == (4, SIZE, SIZE, 3)


@every_task
def test_a_loss_belongs_to_its_own_image(name):
    # The gradient of one image's loss by the outputs is zero for the others.
    searcher = untouched(name)
    batch = next(iter(make_dataset(searcher.task, make_images(name))))
    outputs = tf.constant(searcher(batch["alphas"]))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = searcher.task.losses(batch["alphas"], outputs)[1]
    gradient = tape.gradient(loss, outputs).numpy()
    moved = np.abs(gradient.reshape(4, -1)).max(-1) > 0
    assert moved.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("name", "space"),
    [(name, "nasbench201") for name in TASKS.names()]
    # Cells of another skeleton, once: they take their time to trace.
    + [(SearchConfig().task, "s2")],
)
def test_two_steps_move_alphas_and_weights_and_report_the_metrics(name, space):
    searcher = make_searcher(name, space=space)
    before = small.values(searcher.alpha_variables)
    weights = small.values(searcher.weight_variables)
    for batch in make_dataset(searcher.task, make_images(name)).take(2):
        metrics = searcher.train_step(batch)
        assert set(metrics) == set(searcher.metric_keys)
        assert set(searcher.metric_keys) == {
            "alpha_loss",
            "weight_loss",
            *searcher.task.metric_names,
        }
        assert all(np.isfinite(value) for value in metrics.values())
    for old, new in zip(
        before, small.values(searcher.alpha_variables), strict=True
    ):
        # nasbench201: `none` has a gradient too, through the softmax.
        assert (old != new).all()
    moved = [
        (old != new).any()
        for old, new in zip(
            weights, small.values(searcher.weight_variables), strict=True
        )
    ]
    assert all(moved)


@every_task
def test_the_warm_up_is_a_part_of_the_epochs(name):
    assert 0.0 <= TASKS.get(name).warmup_fraction < 1.0


@every_task
def test_settings_of_the_task_are_settings_of_the_search(name):
    own = TASKS.get(name).settings
    defaults = SearchConfig.defaults()
    assert {key: defaults[key] for key in own.settings()} == own.to_dict()
    config = small.make_config(task=name)
    assert untouched(name).task.settings == config.group(type(own))


@every_task
def test_there_is_a_recipe_for_the_task(name):
    texts = [path.read_text() for path in RECIPES.glob("*.flags")]
    lines = [text.splitlines() for text in texts]
    if name == SearchConfig().task:
        assert any("--max_images=16000" in found for found in lines)
    elif TASKS.get(name).reads_labels:
        assert any(f"add --task={name}" in text for text in texts)
    else:
        assert any(f"--task={name}" in found for found in lines)


def variables(directory, searcher):
    """Returns all that the last checkpoint of a run holds, and its state."""
    checkpoint = RunCheckpoint(
        directory / "checkpoints", searcher.variable_groups
    )
    state = checkpoint.restore()
    groups = searcher.variable_groups
    counters = {key: state[key] for key in ("epoch", "step", "totals")}
    return counters, {key: small.values(groups[key]) for key in groups}


@every_task
def test_a_killed_search_ends_as_one_in_peace_with_a_complete_history(
    name, tmp_path, capsys
):
    config = small.make_config(
        task=name,
        space=small.ONE_EDGE.name,
        dataset="arrays",
        epochs=2,
        warmup_epochs=0,
    )
    images = small.make_images(
        32, NUM_CLASSES * TASKS.get(name).reads_labels, SIZE
    )
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        one = SearchExperiment(config, tmp_path / "one", images)
        loop, save = one.loop, one.loop.save

        def save_and_copy():
            path = save()
            if (loop.state["epoch"], loop.state["step"]) == (1, 2):
                shutil.copytree(tmp_path / "one", tmp_path / "two")
            return path

        loop.save, loop.checkpoint_seconds = save_and_copy, -1.0
        expected = one.run()
        two = SearchExperiment(config, tmp_path / "two", images)
        found = two.run()
    said = capsys.readouterr().out
    for chooser, setting in config.unread():
        assert chooser == "task"
        assert f"--{setting} has no part in --task={name}" in said
    assert one.searcher.supernet.image_size == one.setup.task.input_size
    assert one.steps == 4
    assert (two.loop.state["epoch"], expected.genotype) == (2, found.genotype)
    tf.nest.map_structure(
        np.testing.assert_array_equal,
        variables(tmp_path / "two", two.searcher),
        variables(tmp_path / "one", one.searcher),
    )
    for result in (expected, found):
        assert [int(row["epoch"]) for row in result.history] == [0, 1]
        assert result.alphas["cell"].shape == (2, 1, 5)
        assert (result.alphas["cell"][0] != result.alphas["cell"][1]).all()
        for row in result.history:
            for metric in (
                "weight_loss",
                "alpha_loss",
                *one.setup.task.metric_names,
            ):
                assert np.isfinite(float(row[metric]))
        labels = 32 * one.setup.task.reads_labels
        assert result.summary["num_labels_read"] == labels
    np.testing.assert_array_equal(found.alphas["cell"], expected.alphas["cell"])


def test_a_setting_that_only_other_tasks_read_is_named():
    def unread(config):
        return {setting for _, setting in config.unread()}

    config = SearchConfig(task="supervised", mask_ratio=0.5, epochs=3)
    assert list(config.unread()) == [("task", "mask_ratio")]
    assert unread(config.replace(task="mae")) == set()
    # Shared by several tasks, and read by one of them.
    config = SearchConfig(task="denoising", decoder="linear", noise_level=1.0)
    assert unread(config) == set()
    assert unread(config.replace(task="mae")) == {"noise_level"}
    assert unread(config.replace(task="rotation")) == {"noise_level", "decoder"}

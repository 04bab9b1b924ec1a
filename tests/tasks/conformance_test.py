"""What every registered task must keep."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.pipeline import bilevel_dataset
from maenas_tf.tasks import TASKS
from tests.training import small

NUM_CLASSES = 4

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
        augment=True,
        with_labels=task.reads_labels,
        **settings,
    )


def make_searcher(name, **settings):
    classes = NUM_CLASSES if TASKS.get(name).reads_labels else 0
    return small.make_searcher(num_classes=classes, task=name, **settings)


def make_images(name):
    return small.make_images(16, NUM_CLASSES * TASKS.get(name).reads_labels)


def keys(structure):
    """Returns the keys of nested dictionaries."""
    if not isinstance(structure, dict):
        return set()
    return set(structure).union(*map(keys, structure.values()))


@every_task
def test_only_a_task_that_says_so_reads_labels(name):
    task = make_searcher(name).task
    seen = []
    original = task.map
    task.map = lambda example, seed: (
        seen.append(set(example)) or original(example, seed)
    )
    # Labels are there to be taken, in the images too.
    dataset = make_dataset(task, small.make_images(16, NUM_CLASSES))
    assert len(seen) == 2
    expected = {"image", "label"} if task.reads_labels else {"image"}
    assert seen == [expected, expected]
    has_label = "label" in keys(dataset.element_spec)
    assert has_label == task.reads_labels


@every_label_free_task
def test_a_label_free_task_runs_on_images_without_labels(name):
    images = small.make_images(16)
    assert images.labels is None
    task = make_searcher(name).task
    assert len(list(make_dataset(task, images))) == 2


@every_task
def test_both_halves_have_the_same_form_and_an_input(name):
    dataset = make_dataset(make_searcher(name).task, make_images(name))
    spec = dataset.element_spec
    assert set(spec) == {"weights", "alphas"}
    assert spec["weights"] == spec["alphas"]
    assert spec["weights"]["input"].shape.as_list() == [4, 8, 8, 3]
    assert spec["weights"]["input"].dtype == tf.float32


@every_task
def test_losses_and_metrics_are_one_number_an_image(name):
    searcher = make_searcher(name)
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
        assert image.shape == (4, 8, 8, 3)


@every_task
@pytest.mark.parametrize("space", ["nasbench201", "s2"])
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

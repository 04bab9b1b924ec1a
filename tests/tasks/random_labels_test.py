"""Tests of `maenas_tf.tasks.random_labels`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.augment import CropAndFlip
from maenas_tf.data.pipeline import HALVES, bilevel_dataset
from maenas_tf.skeletons import head_of
from maenas_tf.spaces import SPACES
from tests.searching import small
from tests.tasks import examples
from tests.tasks.examples import make_batch


def make_task(**settings):
    return examples.make_task("random_labels", **settings)


def labels(count=400, **settings):
    return make_batch(make_task(**settings), count)["target"].numpy()


@pytest.mark.parametrize("classes", [2, 10])
def test_labels_are_uniform(classes):
    found = labels(random_classes=classes)
    counts = np.bincount(found, minlength=classes)
    assert len(counts) == classes
    # Chi squared of up to 9 degrees of freedom exceeds 28 once in 1,000.
    expected = 400 / classes
    assert (np.square(counts - expected) / expected).sum() < 28


def test_a_seed_has_labels_of_its_own():
    first, again, other = (labels(seed=s) for s in (0, 0, 2**32 - 1))
    np.testing.assert_array_equal(first, again)
    assert 0.0 < np.mean(first == other) < 0.25


def test_an_image_keeps_its_label_in_every_epoch():
    # Every pixel of an image is its number, whatever crop or flip.
    images = small.make_images(20)
    images.images[:] = np.arange(20).reshape(-1, 1, 1, 1)
    task = make_task()
    original = task.map
    task.map = lambda e, s: {**original(e, s), "index": e["index"]}
    answers = [{}, {}, {}]
    for epoch, seen in enumerate(answers):
        dataset = bilevel_dataset(
            images,
            example_map=task.map,
            batch_size=5,
            seed=0,
            epoch=epoch,
            augmentation=CropAndFlip(),
            with_labels=False,
        )
        for batch in dataset.as_numpy_iterator():
            for half in HALVES:
                rows = batch[half]
                pairs = zip(rows["index"], rows["target"], strict=True)
                seen.update((int(i), int(label)) for i, label in pairs)
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 20
    assert len(set(answers[0].values())) > 3


def test_the_head_has_as_many_classes_as_there_are_labels():
    head = make_task(random_classes=7).build_head(
        head_of(SPACES.get("nasbench201"))
    )
    assert (head.num_classes, head.form.activation) == (7, "relu")


def test_the_loss_is_the_cross_entropy_of_the_label():
    task = make_task()
    batch = make_batch(task)
    np.testing.assert_allclose(
        task.losses(batch, tf.zeros([3, 10])), np.log(10), rtol=1e-6
    )

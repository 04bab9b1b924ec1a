"""Tests of `maenas_tf.detection.batches`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.detection.batches import (
    evaluation_batches,
    flip_at_random,
    training_batches,
)
from tests.detection.boxed import make_boxed

DATA = make_boxed(24)


def batches(flip=True, start_step=0, epoch=0, zoom=1.0):
    dataset = training_batches(
        DATA,
        np.arange(24),
        batch_size=8,
        seed=1,
        epoch=epoch,
        flip=flip,
        zoom=zoom,
        steps=3,
        start_step=start_step,
    )
    return list(dataset.as_numpy_iterator())


def pixels_of(image):
    values = image * np.array(DATA.images.std) + np.array(DATA.images.mean)
    return np.rint(255 * values)


def test_boxes_are_where_the_bright_rectangles_are_flipped_or_not():
    seen = 0
    for batch in batches():
        for image, boxes, classes in zip(
            batch["image"], batch["boxes"], batch["classes"], strict=True
        ):
            there = boxes[classes >= 0]
            assert (boxes[classes < 0] == -1).all()
            if not len(there):
                continue
            # The last is drawn over what was drawn before.
            left, upper, right, lower = there[-1].astype(int)
            number = classes[classes >= 0][-1]
            inside = pixels_of(image)[upper:lower, left:right]
            assert (inside == 200 + 40 * number).all()
            seen += 1
    assert seen == 16


def test_half_of_the_images_are_flipped_and_none_without_the_setting():
    flipped, plain = batches(), batches(flip=False)
    same = [
        np.array_equal(one, other)
        for a, b in zip(flipped, plain, strict=True)
        for one, other in zip(a["image"], b["image"], strict=True)
    ]
    assert 4 < sum(same) < 20
    again = batches(flip=False)
    tf.nest.map_structure(np.testing.assert_array_equal, plain, again)


def test_a_box_is_mirrored_with_its_image_and_no_box_stays_none():
    image = np.arange(4 * 4 * 3).reshape(4, 4, 3)
    boxes = tf.constant([[0.0, 1.0, 3.0, 4.0], [-1.0] * 4])
    outcomes = set()
    for number in range(12):
        pixels, moved = flip_at_random(
            tf.constant(image), boxes, tf.constant([number, 0])
        )
        mirrored = not np.array_equal(pixels, image)
        expected = [1, 1, 4, 4] if mirrored else [0, 1, 3, 4]
        assert moved.numpy().tolist() == [expected, [-1] * 4]
        outcomes.add(mirrored)
    assert outcomes == {True, False}


def test_boxes_are_where_the_bright_rectangles_are_zoomed_and_flipped():
    seen, sizes = 0, set()
    for batch in batches(zoom=1.5):
        for image, boxes, classes in zip(
            batch["image"], batch["boxes"], batch["classes"], strict=True
        ):
            assert ((boxes == -1).all(axis=1) == (classes == -1)).all()
            if not (classes >= 0).any():
                continue
            number = np.flatnonzero(classes >= 0)[-1]
            left, upper, right, lower = boxes[number]
            inside = pixels_of(image)[
                int(np.ceil(upper + 1)) : int(lower - 1),
                int(np.ceil(left + 1)) : int(right - 1),
            ]
            if inside.size:
                assert np.median(inside) >= 190
                seen += 1
            sizes.add(round(float(right - left)))
    assert seen > 8
    assert len(sizes) > 4


@pytest.mark.parametrize("zoom", [1.0, 1.5])
def test_an_epoch_goes_on_in_its_middle(zoom):
    tf.nest.map_structure(
        np.testing.assert_array_equal,
        batches(start_step=1, zoom=zoom),
        batches(zoom=zoom)[1:],
    )
    first, second = batches()[0], batches(epoch=1)[0]
    assert not np.array_equal(first["image"], second["image"])


def test_evaluation_shows_every_image_once_and_unchanged():
    found = list(evaluation_batches(DATA, 10).as_numpy_iterator())
    assert [len(batch["image"]) for batch in found] == [10, 10, 4]
    boxes = np.concatenate([batch["boxes"] for batch in found])
    np.testing.assert_array_equal(boxes, DATA.boxes)
    pixels = pixels_of(np.concatenate([batch["image"] for batch in found]))
    np.testing.assert_array_equal(pixels, DATA.images.images)

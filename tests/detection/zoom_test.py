"""Tests of `maenas_tf.detection.zoom`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.detection.letterbox import FILLING
from maenas_tf.detection.zoom import LEAST_PART, zoom_at_random

SIDE = 32
NONE = [-1.0] * 4
# Left, upper, right and lower side of a bright rectangle.
BOX = (6, 10, 22, 18)


def zoomed(seed, zoom=2.0, boxes=(BOX, NONE), classes=(3, -1)):
    image = np.full((SIDE, SIDE, 3), 20, np.uint8)
    left, upper, right, lower = BOX
    image[upper:lower, left:right] = 250
    found = zoom_at_random(
        tf.constant(image),
        tf.constant(boxes, tf.float32),
        tf.constant(classes, tf.int32),
        zoom,
        tf.constant([seed, 0]),
    )
    return [value.numpy() for value in found]


def test_a_box_stays_where_its_rectangle_is():
    sizes, cut = set(), 0
    for seed in range(60):
        pixels, boxes, classes = zoomed(seed)
        assert pixels.shape == (SIDE, SIDE, 3)
        assert boxes[1].tolist() == NONE
        assert classes[1] == -1
        if classes[0] == -1:
            assert boxes[0].tolist() == NONE
            continue
        assert classes[0] == 3
        rows, columns = np.nonzero(pixels[..., 0] > 190)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(boxes[0], seen, atol=1.01)
        assert (boxes[0] >= 0).all()
        assert (boxes[0] <= SIDE).all()
        sizes.add(round(float(boxes[0, 2] - boxes[0, 0])))
        cut += bool((boxes[0] == 0).any() or (boxes[0] == SIDE).any())
    # From half to twice the 16 pixels, some of them reaching over the border.
    assert min(sizes) <= 10
    assert max(sizes) >= 25
    assert cut > 3


def test_what_is_hardly_in_sight_is_no_box_and_the_rest_is_one():
    dropped, kept = 0, []
    for seed in range(60):
        pixels, boxes, classes = zoomed(seed, 3.0)
        there = (pixels[..., 0] > 190).sum()
        if classes[0] == -1:
            dropped += 1
            # The largest is 48 x 24.
            assert there < LEAST_PART * 1.2 * 48 * 24
        else:
            extent = boxes[0, 2:] - boxes[0, :2]
            assert (extent >= 1).all()
            kept.append(there / extent.prod())
    assert dropped > 2
    assert min(kept) > 0.5


def test_a_box_of_less_than_a_pixel_is_none():
    found = {
        zoomed(seed, 2.0, [(5.0, 5.0, 6.2, 25.0)], [1])[2][0]
        for seed in range(20)
    }
    assert found == {1, -1}


def test_what_is_reduced_lies_on_grey_and_what_is_enlarged_has_none():
    grey = [
        (pixels == FILLING).all(axis=-1).sum()
        for pixels, _, _ in map(zoomed, range(30))
    ]
    # Half a side leaves three quarters.
    assert max(grey) > 0.6 * SIDE**2
    assert max(grey) <= 0.76 * SIDE**2
    assert sum(count == 0 for count in grey) > 8


def test_the_same_seed_does_the_same():
    for one, other in zip(zoomed(5), zoomed(5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(zoomed(5)[0], zoomed(6)[0])


@pytest.mark.parametrize("zoom", [1.0, 1.001])
def test_a_factor_of_one_leaves_an_image_as_it_is(zoom):
    pixels, boxes, classes = zoomed(0, zoom)
    assert boxes[0].tolist() == list(BOX)
    assert classes.tolist() == [3, -1]
    assert set(np.unique(pixels)) == {20, 250}

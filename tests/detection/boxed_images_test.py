"""Tests of `maenas_tf.detection.boxed_images`."""

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.data.array_images import make_array_images
from maenas_tf.detection.boxed_images import Annotations, fit_boxes
from tests.detection import boxed


def fit(boxes, owners=None, sides=((20, 40), (16, 16)), size=32, crowds=0):
    owners = [0] * len(boxes) if owners is None else owners
    pixels = np.arange(len(sides) * size * size * 3) % 251
    images = make_array_images(
        pixels.astype(np.uint8).reshape(len(sides), size, size, 3), name="x"
    )
    annotated = Annotations(
        np.array(owners, np.int64),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.arange(len(boxes)) % 2,
        np.array(sides),
        crowds,
    )
    return fit_boxes(images, annotated, ("a", "b"), "--annotations=x.json")


def test_boxes_shrink_and_grow_as_their_images_do():
    # 40 x 20 becomes 32 x 16; 16 x 16 becomes 32 x 32.
    found = fit([(10, 5, 30, 15), (4, 0, 8, 16)], [0, 1])
    np.testing.assert_allclose(found.boxes[0, 0], (8, 4, 24, 12))
    np.testing.assert_allclose(found.boxes[1, 0], (8, 0, 16, 32))
    assert found.classes.tolist() == [[0], [1]]
    assert found.num_dropped == found.num_cut == 0


def test_boxes_are_cut_at_the_border_of_their_image(caplog):
    found = fit([(-10, -5, 20, 10), (30, 10, 50, 30)])
    np.testing.assert_allclose(found.boxes[0], [(0, 0, 16, 8), (24, 8, 32, 16)])
    assert found.num_cut == 2
    assert "2 boxes of --annotations=x.json that reach beyond" in caplog.text


def test_what_has_no_area_is_left_out_and_counted(caplog):
    good = (0, 0, 10, 10)
    found = fit(
        [good, (5, 5, 5, 9), good, (50, 0, 60, 10), (1, 1, 1.5, 20)], crowds=2
    )
    assert found.num_boxes == 2
    assert found.num_dropped == 5
    assert "Left out of --annotations=x.json 5 of 7 boxes" in caplog.text
    assert "1 outside of their image" in caplog.text
    assert "2 of less than a pixel at --image_size=32" in caplog.text
    assert "2 around a crowd" in caplog.text


def test_images_without_boxes_have_a_row_of_their_own():
    found = fit([(0, 0, 9, 9), (2, 2, 9, 9)], [1, 1])
    assert found.boxes.shape == (2, 2, 4)
    assert found.classes.tolist() == [[-1, -1], [0, 1]]
    assert (found.boxes[0] == -1).all()
    assert found.num_without == 1


def test_boxes_of_one_image_keep_their_order():
    found = fit([(0, 0, 9, 9), (0, 0, 8, 8), (0, 0, 7, 7)], [1, 0, 1])
    assert found.classes.tolist() == [[1, -1], [0, 0]]
    assert found.boxes[1, 0, 2] == 18


def test_nothing_to_find_is_an_error():
    with pytest.raises(ConfigError, match="no box in any of the 2 images"):
        fit([])
    with pytest.raises(ConfigError, match="none of its 2 boxes can be used"):
        fit([(1, 1, 1, 1), (2, 2, 2.1, 2.1)])
    with pytest.raises(ConfigError, match="2 of its 3 boxes lie outside of"):
        fit([(0, 0, 9, 9), (99, 0, 120, 9), (0, 99, 9, 120)])


def test_other_boxes_are_other_data():
    one, other = boxed.make_boxed(), boxed.make_boxed()
    assert not one.identity("train").changes(other.identity("train"))
    other.boxes[1, 0, 0] += 1
    changes = one.identity("train").changes(other.identity("train"))
    assert "other labels" in changes

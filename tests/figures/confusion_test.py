"""Tests of `maenas_tf.figures.confusion`."""

import numpy as np
import pytest

from maenas_tf.figures.confusion import draw_confusion


def names(count):
    return [f"class {index}" for index in range(count)]


def dark(image, column, row, count):
    """Whether the field is dark blue; the table is the lower right part."""
    pixels = image.astype(int)
    blue = pixels[..., 2] - pixels[..., 0]
    rows, columns = np.nonzero(blue > 5)
    top, bottom = rows.min(), rows.max() + 1
    left, right = columns.min(), columns.max() + 1
    y = int(top + (row + 0.2) * (bottom - top) / count)
    x = int(left + (column + 0.2) * (right - left) / count)
    return pixels[y, x].sum() < 400


def test_a_row_is_a_true_class():
    confusion = np.zeros((3, 3), int)
    confusion[0, 2] = confusion[1, 1] = confusion[2, 0] = 9
    confusion[1, 0] = 1
    image = draw_confusion(confusion, names(3))
    assert dark(image, 2, 0, 3)
    assert dark(image, 0, 2, 3)
    assert dark(image, 1, 1, 3)
    assert not dark(image, 0, 0, 3)
    assert not dark(image, 0, 1, 3)


@pytest.mark.parametrize("count", [1, 2, 20, 21, 100, 101, 1000])
def test_every_number_of_classes_can_be_drawn(count):
    confusion = np.eye(count, dtype=np.int64)
    image = draw_confusion(confusion, names(count))
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert max(image.shape) < 2500


def test_names_up_to_a_hundred_classes_have_room():
    # A name is written in letters of seven points, ten pixels high.
    few, many = (draw_confusion(np.eye(n), names(n)) for n in (20, 100))
    assert few.shape[0] > 20 * 40
    assert many.shape[0] > 100 * 14


def test_a_class_without_images_is_no_problem():
    confusion = np.array([[0, 0], [1, 3]])
    assert draw_confusion(confusion, names(2)).std() > 0


def test_names_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"\[3, 3\]"):
        draw_confusion(np.eye(2), names(3))


def test_a_dollar_begins_no_formula_and_any_name_can_be_drawn():
    confusion = np.eye(2, dtype=int)
    for name in ("$\\foo$", "$", "a$b$c", "caf\udce9", r"\$", "two\nlines"):
        named = draw_confusion(confusion, [name, "other"])
        assert named.shape[2] == 3
    formula = draw_confusion(confusion, ["$x$", "other"])
    spelled = draw_confusion(confusion, ["xxx", "other"])
    assert formula.shape == spelled.shape

"""Tests of `maenas_tf.figures.contact_sheet`."""

import numpy as np
import pytest

from maenas_tf.figures.contact_sheet import draw_contact_sheet


def images(count):
    return np.zeros((count, 8, 8, 3), np.uint8)


def draw(count, lines=("a", "b")):
    return draw_contact_sheet(
        images(count), [lines] * count, [False] * count, "sheet"
    )


@pytest.mark.parametrize("count", [1, 6, 7, 36])
def test_every_image_is_on_the_sheet(count):
    sheet = draw(count)
    # Of 145 pixels a side, black.
    black = (sheet == 0).all(-1).sum()
    assert black == pytest.approx(count * 145**2, rel=0.03)


def test_what_is_right_and_what_is_wrong_have_colours_of_their_own():
    right, wrong = (
        draw_contact_sheet(images(1), [["a"]], [good], "sheet").astype(int)
        for good in (True, False)
    )
    assert (right[..., 2] - right[..., 0]).max() > 100
    assert (wrong[..., 0] - wrong[..., 2]).max() > 100


def test_any_name_can_be_written():
    for name in ("$\\foo$", "caf\udce9", "two\nlines", "x" * 300):
        assert draw(2, (name,)).shape == draw(2, ("a",)).shape


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="N > 0"):
        draw(0)
    with pytest.raises(ValueError, match="1 and 2"):
        draw_contact_sheet(images(2), [["a"]], [True, True], "sheet")

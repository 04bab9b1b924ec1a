"""Tests of `maenas_tf.training.error_pictures`."""

import numpy as np
import pytest

from maenas_tf.data.array_images import ArrayImages
from maenas_tf.training.error_pictures import draw_worst, worst_images
from maenas_tf.training.evaluation import measure

# Of image 1 the network is surely wrong, of 3 a little; of 0 it is sure and
# right, of 2 right, though its loss is higher than that of 3.
LOGITS = np.array(
    [[9.0, 0, 0, 0], [9, 0, 0, 0], [0, 0, 0.1, 0], [0, 0.5, 0.51, -9]]
)
LABELS = np.array([0, 2, 2, 1])


def make_images(paths=()):
    pixels = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1) * 60
    return ArrayImages(
        images=np.broadcast_to(pixels, (4, 8, 8, 3)).copy(),
        name="folder",
        labels=LABELS,
        class_names=("a", "b", "c", "d"),
        paths=paths,
    )


def test_wrong_images_come_first_the_worst_before_all():
    result = measure(LOGITS, LABELS)
    assert result.losses[2] > result.losses[3]
    worst = worst_images(make_images(), result)
    assert [each["index"] for each in worst] == [1, 3, 2, 0]
    assert worst[0]["true"] == "c"
    assert worst[0]["predicted"] == "a"
    assert worst[0]["confidence"] == pytest.approx(np.exp(9) / (np.exp(9) + 3))
    assert worst[0]["loss"] == result.losses[1] == pytest.approx(9, abs=1e-3)
    few = worst_images(make_images(), result, 2)
    assert few == worst[:2]


def test_the_file_of_an_image_is_told_where_there_is_one():
    result = measure(LOGITS, LABELS)
    files = [f"x/{n}.png" for n in range(4)]
    worst = worst_images(make_images(files), result)
    assert worst[0]["file"] == "x/1.png"
    assert "file" not in worst_images(make_images(), result)[0]


def test_the_sheet_shows_the_images_themselves():
    images = make_images()
    worst = worst_images(images, measure(LOGITS, LABELS))
    sheet = draw_worst(images, worst, 2)
    greys = sheet[(sheet[..., 0] == sheet[..., 1])][:, 0]
    for value in (0, 60, 120, 180):
        assert np.mean(greys == value) > 0.005
    assert (draw_worst(images, worst[:2], 2) != 255).any()

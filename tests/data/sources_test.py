"""Tests of `maenas_tf.data.sources`."""

import numpy as np
import pytest
from sklearn import datasets

from maenas_tf.config import ConfigError
from maenas_tf.data.pixel_rules import NEW_RULES
from maenas_tf.data.sources import SOURCES, load_images


def test_sources_that_need_no_preparation_are_registered():
    assert SOURCES.names() == ["digits", "folder"]


def test_registered_source_is_used():
    def source(**options):
        return options

    with SOURCES.temporary("mine", source):
        options = load_images("mine", split="x", max_images=3, with_labels=True)
    assert options == {
        "data_dir": "",
        "split": "x",
        "max_images": 3,
        "image_size": 0,
        "with_labels": True,
        "rules": NEW_RULES,
        "whole": False,
    }


def test_digits_are_32_pixels_wide_and_grey():
    made = load_images("digits", with_labels=False)
    assert made.images.shape == (1438, 32, 32, 3)
    assert made.images.dtype == np.uint8
    assert np.all(made.images == made.images[..., :1])
    assert (made.labels, made.num_classes) == (None, 0)


def test_digits_keep_their_pixels_at_their_own_size():
    made = load_images("digits", image_size=8, with_labels=True)
    bunch = datasets.load_digits()
    expected = np.rint(bunch.images[:1438] * 255 / 16)
    np.testing.assert_array_equal(made.images[..., 0], expected)
    np.testing.assert_array_equal(made.labels, bunch.target[:1438])
    np.testing.assert_allclose(made.mean[0], expected.mean() / 255, atol=1e-9)


def test_digits_splits_share_no_image_and_hold_every_class():
    train = load_images("digits", with_labels=True)
    test = load_images("digits", split="test", with_labels=True)
    assert len(train.images) + len(test.images) == 1797
    for made in (train, test):
        assert set(made.labels) == set(range(10))
        assert made.class_names == tuple("0123456789")
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in test.images)


def test_digits_max_images_keeps_the_first():
    whole = load_images("digits", with_labels=True)
    part = load_images("digits", max_images=7, with_labels=True)
    np.testing.assert_array_equal(part.images, whole.images[:7])
    np.testing.assert_array_equal(part.labels, whole.labels[:7])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "validation"}, "--split=validation.*test, train"),
        ({"max_images": -1}, "--max_images=-1"),
        ({"image_size": -2}, "--image_size=-2"),
        ({"image_size": 10**6}, "--image_size, or --max_images"),
    ],
)
def test_bad_settings_are_explained(options, message):
    with pytest.raises(ConfigError, match=message):
        load_images("digits", with_labels=False, **options)

"""Tests of `maenas_tf.data.arrays`."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data import memory
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import resize_images

BYTES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def test_bytes_are_kept_as_they_are():
    made = from_arrays(BYTES)
    np.testing.assert_array_equal(made.images, BYTES)
    assert (made.labels, made.name, made.num_skipped) == (None, "arrays", 0)


@pytest.mark.parametrize(
    "images",
    [
        (BYTES / 255).astype(np.float32),
        BYTES / 255,
        BYTES.astype(np.float32),
        BYTES.astype(np.int64),
        BYTES.tolist(),
        tf.constant(BYTES),
    ],
    ids=["0..1", "float64", "0..255", "int64", "list", "tensor"],
)
def test_other_types_become_the_same_bytes(images):
    result = from_arrays(images).images
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, BYTES)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (BYTES[..., 0], BYTES[..., [0, 0, 0]]),
        (BYTES[..., :1], BYTES[..., [0, 0, 0]]),
        (np.concatenate([BYTES, np.full_like(BYTES[..., :1], 255)], -1), BYTES),
    ],
    ids=["no channels", "grey", "transparent"],
)
def test_channels_become_three(images, expected):
    np.testing.assert_array_equal(from_arrays(images).images, expected)


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (np.linspace(-0.1, 1.1, 256), 1),
        (np.append(np.linspace(0, 1, 255), 1.0001), 1),
        (np.append(np.linspace(0, 255, 255), 262.5), 255),
        (np.arange(256), 255),
        (np.arange(256) % 2, 1),
        (np.arange(256) * 16, 4095),
        (np.arange(256) * 256, 65535),
        (np.arange(256.0) * 256, 65535),
        (np.arange(256, dtype=np.uint16), 255),
        (np.arange(256, dtype=np.uint32) * 4, 1023),
    ],
)
def test_levels_are_kept_and_overshoot_is_cut_off(values, white, caplog):
    images = np.resize(np.repeat(values, 4), (4, 16, 16))
    # Little of it overshoots, as with pictures that were resized.
    if values.dtype.kind == "f" and values.min() < 0:
        images = np.concatenate([images, np.full((36, 16, 16), 0.5)])
    made = from_arrays(images)
    expected = np.rint(np.clip(images, 0, white) * (255 / white))
    found = made.images[..., 0].astype(int)
    assert np.abs(found - expected).max() <= (images.dtype.kind == "f")
    kind = "float_white" if images.dtype.kind == "f" else "integer_white"
    assert getattr(made.pixels, kind) == white
    assert f"taken as 0 to {white:g}" in caplog.text


def test_bytes_are_never_scaled_and_nothing_is_said_of_them(caplog):
    made = from_arrays(BYTES // 128)
    np.testing.assert_array_equal(made.images, BYTES // 128)
    assert "taken as" not in caplog.text


@pytest.mark.parametrize(
    ("background", "expected"),
    [("white", 255), ("black", 0), ("#707070", 0x70), ("none", 9)],
)
@pytest.mark.parametrize("form", ["array", "list", "dataset"])
def test_transparent_pixels_show_the_ground(background, expected, form):
    images = np.zeros((2, 8, 6, 4), np.uint8)
    images[..., :3] = 9
    given = {
        "array": images,
        "list": [images[0], images[1, :6]],
        "dataset": tf.data.Dataset.from_tensor_slices(images),
    }[form]
    made = from_arrays(given, image_size=4, rules=PixelRules(background))
    assert np.all(made.images == expected)


def test_a_list_of_several_sizes_is_fitted():
    big = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    images = [BYTES[0], big, BYTES[1, ..., 0], Image.fromarray(big)]
    made = from_arrays(images, image_size=8, labels=[0, 1, 0, 1])
    square = resize_images(tf.constant(big), 8).numpy()
    grey = BYTES[1][..., [0, 0, 0]]
    np.testing.assert_array_equal(made.images, [BYTES[0], square, grey, square])
    assert from_arrays(images).image_size == 64
    assert from_arrays(images, max_images=1).image_size == 8
    ragged = np.array([*images[:3], None], object)[:3]
    assert from_arrays(ragged).num_images == 3


def test_a_list_of_one_size_is_a_batch():
    made = from_arrays([Image.fromarray(image) for image in BYTES])
    np.testing.assert_array_equal(made.images, BYTES)
    made = from_arrays([BYTES[0], BYTES[1, ..., 0]])
    assert made.image_size == 8


def test_images_are_resized_on_request():
    assert from_arrays(BYTES, image_size=16).images.shape == (6, 16, 16, 3)
    assert from_arrays(BYTES[:, :6]).images.shape == (6, 64, 64, 3)


def test_max_images_keeps_the_first_and_their_labels():
    made = from_arrays(BYTES, labels=[0, 1, 2, 0, 1, 2], max_images=2)
    assert made.num_classes == 3
    np.testing.assert_array_equal(made.images, BYTES[:2])
    np.testing.assert_array_equal(made.labels, [0, 1])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (BYTES[0, 0], r"shape \(8, 3\).*\[N, H, W, C\]"),
        (np.moveaxis(BYTES, -1, 1), "channels last"),
        (np.zeros((2, 4, 4, 2)), "not 1, 3 or 4 channels.$"),
        (BYTES - 128.0, "not normalised"),
        (BYTES / 255 - 0.5, "not normalised"),
        ((BYTES - 120.0) / 60, "not normalised"),
        (BYTES / 127.5 - 1, "not normalised"),
        (BYTES / 100.0, "from 0 to 2.55; .* not normalised"),
        (np.full((2, 8, 8), np.nan), "from nan to nan"),
        (np.full((2, 8, 8), np.inf), "from inf to inf"),
        (np.full((2, 8, 8), -1), "from -1 to -1"),
        (np.full((2, 8, 8), 2**33), "from 8.58993e.09 to"),
        (np.zeros((2, 8, 8), bool), "type bool"),
        (np.zeros((0, 8, 8)), "empty"),
        (BYTES[0], r"shape \(8, 8, 3\), that of one.*images\[np.newaxis\]"),
        (BYTES[0, ..., :1], r"that of one image"),
        (BYTES[:3, ..., 0], "three grey images and of one with its channels"),
        ([BYTES[0], BYTES[1, :5, ..., :2]], r"images\[1\] has the shape \(5,"),
        ([BYTES[0], BYTES[:2]], r"images\[1\] has the shape \(2, 8"),
        ([BYTES[0], BYTES[1, :6] / 255], "types float64, uint8"),
        (["a.png", "b.png"], "holds the path a.png"),
        ([[1, 2], [3]], "is no array"),
        ([], "has the shape"),
        (np.array([["a"]]), "shape"),
    ],
)
def test_unusable_arrays_are_explained(images, message):
    with pytest.raises(ConfigError, match=message):
        from_arrays(images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "one whole number for each of the 6"),
        ([0.5] * 6, "type float64"),
        ([0, 7, 0, 7, 0, 7], "2 classes with numbers from 0 to 7; number"),
    ],
)
def test_unusable_labels_are_explained(labels, message):
    with pytest.raises(ConfigError, match=message):
        from_arrays(BYTES, labels=labels)


def test_labels_may_go_on_after_the_first_of_a_dataset():
    dataset = _plain().repeat()
    made = from_arrays(dataset, labels=[0, 1] * 6, max_images=3)
    assert made.labels.tolist() == [0, 1, 0]
    with pytest.raises(ConfigError, match="each of the 6"):
        from_arrays(_plain(), labels=[0, 1] * 6)


def _plain():
    return tf.data.Dataset.from_tensor_slices(BYTES)


@pytest.mark.parametrize(
    "dataset",
    [
        _plain(),
        _plain().batch(4),
        _plain().map(lambda image: {"image": image, "label": 3}),
        _plain().map(lambda image: {"image": image}).batch(4),
        _plain().map(lambda image: tf.cast(image, tf.float32) / 255),
    ],
    ids=["images", "batches", "dicts", "batched dicts", "floats"],
)
def test_datasets_become_the_same_images(dataset):
    made = from_arrays(dataset)
    np.testing.assert_array_equal(made.images, BYTES)
    assert made.labels is None


def test_dataset_of_mixed_sizes_is_resized():
    def generate():
        yield np.full((9, 5, 1), 10, np.uint8)
        yield np.full((4, 12, 1), 20, np.uint8)

    dataset = tf.data.Dataset.from_generator(
        generate, output_signature=tf.TensorSpec([None, None, 1], tf.uint8)
    )
    made = from_arrays(dataset)
    assert made.images.shape == (2, 64, 64, 3)
    np.testing.assert_array_equal(made.images[:, 0, 0, 0], [10, 20])


def test_endless_dataset_needs_max_images():
    endless = _plain().repeat()
    with pytest.raises(ConfigError, match="never ends.*max_images"):
        from_arrays(endless)
    made = from_arrays(endless, max_images=8)
    np.testing.assert_array_equal(made.images[6:], BYTES[:2])


def test_dataset_of_pairs_is_refused_with_the_remedy():
    pairs = tf.data.Dataset.from_tensor_slices((BYTES, np.zeros(6)))
    with pytest.raises(ConfigError, match="Drop labels with"):
        from_arrays(pairs)


def test_empty_dataset_is_refused():
    with pytest.raises(ConfigError, match="empty"):
        from_arrays(_plain().take(0))


def test_dataset_that_outgrows_memory_is_stopped(monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 3 * 64 * 1000)
    with pytest.raises(ConfigError, match="--max_images"):
        from_arrays(_plain().repeat(), max_images=10**9)

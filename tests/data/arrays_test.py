"""Tests of `maenas_tf.data.arrays`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import memory
from maenas_tf.data.arrays import from_arrays

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
        (np.concatenate([BYTES, BYTES[..., :1]], -1), BYTES),
    ],
    ids=["no channels", "grey", "transparent"],
)
def test_channels_become_three(images, expected):
    np.testing.assert_array_equal(from_arrays(images).images, expected)


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
        (np.full((2, 4, 4), np.nan), "from nan to nan"),
        (np.full((2, 4, 4), 256), "from 256 to 256"),
        (np.zeros((2, 4, 4), bool), "type bool"),
        (np.zeros((0, 4, 4)), "empty"),
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

"""Tests of `maenas_tf.data.masking`."""

import re

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import masking


@pytest.mark.parametrize("num_masked", [0, 1, 12, 15, 16])
def test_mask_has_the_exact_count(num_masked):
    for seed in range(20):
        mask = masking.random_patch_mask((4, 4), num_masked, [seed, 1]).numpy()
        assert mask.shape == (4, 4)
        assert mask.dtype == np.float32
        assert set(np.unique(mask)) <= {0.0, 1.0}
        assert mask.sum() == num_masked


def test_mask_is_a_function_of_the_seed():
    first = masking.random_patch_mask((8, 8), 32, [3, 4])
    again = masking.random_patch_mask((8, 8), 32, [3, 4])
    other = masking.random_patch_mask((8, 8), 32, [3, 5])
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_patch_is_masked_equally_often():
    draw = tf.function(lambda seed: masking.random_patch_mask((3, 4), 3, seed))
    masks = [draw(tf.constant([seed, 7])) for seed in range(2000)]
    share = np.mean(masks, axis=0)
    # Standard deviation sqrt(.25 * .75 / 2000) = 0.0097; five of them.
    np.testing.assert_allclose(share, 0.25, atol=0.05)


def test_mask_rejects_a_count_beyond_the_grid():
    with pytest.raises(ValueError, match="num_masked=17.*16 patches"):
        masking.random_patch_mask((4, 4), 17, [0, 0])


def test_upsampled_mask_covers_whole_patches():
    mask = np.random.default_rng(0).integers(0, 2, (5, 2, 3)).astype("f4")
    expected = np.kron(mask, np.ones((1, 4, 4)))[..., np.newaxis]
    np.testing.assert_array_equal(
        masking.upsample_mask(mask[0], 4), expected[0]
    )
    np.testing.assert_array_equal(masking.upsample_mask(mask, 4), expected)


def test_upsampling_works_with_an_unknown_batch_size():
    @tf.function(input_signature=[tf.TensorSpec([None, 2, 2])])
    def upsample(mask):
        return masking.upsample_mask(mask, 3)

    assert upsample(tf.ones([7, 2, 2])).shape == (7, 6, 6, 1)


@pytest.mark.parametrize("fill", ["zero", "token"])
def test_zero_fill_clears_the_masked_pixels_and_no_others(fill):
    image = np.random.default_rng(1).normal(size=(8, 8, 3)).astype("f4")
    mask = tf.constant([[1.0, 0.0], [0.0, 0.0]])
    filled = masking.fill_masked(image, mask, 4, fill, [0, 0]).numpy()
    expected = image.copy()
    expected[:4, :4] = 0
    np.testing.assert_array_equal(filled, expected)


def test_noise_fill_is_standard_normal_in_the_masked_pixels_only():
    image = np.full((64, 64, 3), 5.0, "f4")
    mask = tf.constant([[1.0, 1.0], [0.0, 1.0]])
    filled = masking.fill_masked(image, mask, 32, "noise", [0, 3]).numpy()
    np.testing.assert_array_equal(filled[32:, :32], 5.0)
    noise = np.concatenate([filled[:32].ravel(), filled[32:, 32:].ravel()])
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05
    again = masking.fill_masked(image, mask, 32, "noise", [0, 3])
    np.testing.assert_array_equal(filled, again)


def test_unknown_fill_is_an_error():
    with pytest.raises(ValueError, match="fill='grey'.*zero, token, noise"):
        masking.fill_masked(tf.ones([4, 4, 3]), tf.ones([1, 1]), 4, "grey", [0])


@pytest.mark.parametrize("patch_size", [1, 2, 4])
def test_patches_hold_the_pixels_row_by_row(patch_size):
    images = np.arange(2 * 8 * 4 * 3, dtype="f4").reshape(2, 8, 4, 3)
    patches = masking.patchify(images, patch_size).numpy()
    p = patch_size
    assert patches.shape == (2, 8 // p, 4 // p, p * p * 3)
    for row in range(8 // p):
        for column in range(4 // p):
            block = images[
                :, row * p : (row + 1) * p, column * p : (column + 1) * p
            ]
            np.testing.assert_array_equal(
                patches[:, row, column], block.reshape(2, -1)
            )
    np.testing.assert_array_equal(masking.unpatchify(patches, p), images)


@pytest.mark.parametrize(
    ("size", "patch", "ratio", "count"),
    [(32, 8, 0.75, 12), (32, 4, 0.5, 32), (224, 32, 0.6, 29), (32, 8, 0, 0)],
)
def test_number_of_masked_patches_is_rounded(size, patch, ratio, count):
    assert masking.num_masked_patches(size, patch, ratio) == count


@pytest.mark.parametrize(
    ("size", "patch", "ratio", "message"),
    [
        (32, 5, 0.5, "--patch_size=5 does not divide.*32.*2, 4, 8, 16"),
        (32, 8, 1.0, "--mask_ratio=1.0"),
        (32, 8, -0.1, "--mask_ratio=-0.1"),
        (32, 8, 0.01, "masks 0 of the 16"),
        (32, 8, 0.99, "masks 16 of the 16"),
    ],
)
def test_impossible_masks_are_refused(size, patch, ratio, message):
    with pytest.raises(ConfigError, match=message):
        masking.check_masking(size, patch, ratio)


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.75, 0.99])
@pytest.mark.parametrize("size", [8, 12, 30, 32, 36])
@pytest.mark.parametrize("patch", [7, 8, 36])
def test_every_patch_size_that_is_offered_works(size, patch, ratio):
    try:
        masking.check_masking(size, patch, ratio)
    except ConfigError as error:
        offered = re.search(r"one of ([\d, ]*\d)", str(error))
        for number in offered[1].split(", ") if offered else ():
            masking.check_masking(size, int(number), ratio)


def test_where_no_patch_size_works_none_is_offered():
    with pytest.raises(ConfigError, match="choose another --image_size"):
        masking.check_masking(7, 5, 0.5)
    with pytest.raises(ConfigError, match="visible: choose another --mask_r"):
        masking.check_masking(4, 4, 0.01)

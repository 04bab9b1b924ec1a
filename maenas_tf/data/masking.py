"""Random patch masks, exact in count and stateless.

An image of side H = W is a grid of G = (H / p) (W / p) patches of side p, and
exactly round(r G) of them are masked, uniformly at random without
replacement, the same for all channels (r: mask_ratio, p: patch_size).
"""

from __future__ import annotations

from etils import epy

from maenas_tf.config import ConfigError

with epy.lazy_imports():
    import tensorflow as tf

MASK_FILLS = ("zero", "token", "noise")


def check_masking(image_size: int, patch_size: int, mask_ratio: float) -> None:
    """Check that patches tile the image and that the mask is a real one.

    A ratio of 0 is allowed and means no mask: the plain autoencoder.

    Args:
        image_size: side of the image, pixels.
        patch_size: side of a patch, pixels.
        mask_ratio: part of the patches to mask, in [0, 1).

    Raises:
        ConfigError: the patches do not tile the image, or the ratio is out
            of range or rounds to none or to all of the patches.
    """
    if not 0 <= mask_ratio < 1:
        raise ConfigError(
            f"--mask_ratio={mask_ratio} is not valid: give a number in [0, 1)."
        )
    fitting = [
        size
        for size in range(2, image_size)
        if image_size % size == 0 and _masks(image_size, size, mask_ratio)
    ]
    if patch_size < 1 or image_size % patch_size:
        raise ConfigError(
            f"--patch_size={patch_size} does not divide the image size "
            f"{image_size}; choose "
            f"{_one_of(fitting) or 'another --image_size'}."
        )
    if not _masks(image_size, patch_size, mask_ratio):
        count = (image_size // patch_size) ** 2
        smaller = f"a --patch_size, {_one_of(fitting)}, or " if fitting else ""
        raise ConfigError(
            f"--mask_ratio={mask_ratio} masks {round(mask_ratio * count)} of "
            f"the {count} patch(es) that --patch_size={patch_size} makes of "
            f"an image of side {image_size}; at least one must be masked and "
            f"one visible: choose {smaller}another --mask_ratio."
        )


def _masks(image_size: int, patch_size: int, mask_ratio: float) -> bool:
    """Whether a mask leaves something and takes something, or is none."""
    count = (image_size // patch_size) ** 2
    return mask_ratio == 0 or 0 < round(mask_ratio * count) < count


def _one_of(sizes: list[int]) -> str:
    return f"one of {', '.join(map(str, sizes))}" if sizes else ""


def num_masked_patches(
    image_size: int, patch_size: int, mask_ratio: float
) -> int:
    """Count the patches to mask, round(mask_ratio * number of patches).

    Args:
        image_size: side of the image, pixels.
        patch_size: side of a patch, pixels.
        mask_ratio: part of the patches to mask, in [0, 1).

    Returns:
        The number of masked patches; 0 only for ratio 0.

    Raises:
        ConfigError: see `check_masking`.

    Examples:
        >>> num_masked_patches(32, 8, 0.75)
        12
    """
    check_masking(image_size, patch_size, mask_ratio)
    return round(mask_ratio * (image_size // patch_size) ** 2)


def random_patch_mask(
    grid: tuple[int, int], num_masked: int, seed: tf.Tensor
) -> tf.Tensor:
    """Draw which patches are masked; a pure function of the seed.

    Each patch draws a uniform number and the `num_masked` largest are masked:
    a uniform choice without replacement. The count is exact even when two
    numbers tie, as the mask is written from indices, not from a threshold.

    Args:
        grid: rows and columns of patches.
        num_masked: how many patches to mask, 0 to rows * columns.
        seed: int32 [2].

    Returns:
        float32 [rows, columns], 1 where masked and 0 where visible.

    Raises:
        ValueError: `num_masked` is out of range.
    """
    rows, columns = grid
    count = rows * columns
    if not 0 <= num_masked <= count:
        raise ValueError(
            f"num_masked={num_masked} must be from 0 to the {count} patches "
            f"of the grid {rows} x {columns}."
        )
    draws = tf.random.stateless_uniform([count], seed, alg="philox")
    masked = tf.math.top_k(draws, k=num_masked, sorted=False).indices
    mask = tf.scatter_nd(masked[:, tf.newaxis], tf.ones([num_masked]), [count])
    return tf.reshape(mask, [rows, columns])


def upsample_mask(mask: tf.Tensor, patch_size: int) -> tf.Tensor:
    """Spread a mask of patches over their pixels.

    Args:
        mask: [..., rows, columns], the last two known.
        patch_size: side of a patch, pixels.

    Returns:
        [..., rows * patch_size, columns * patch_size, 1], dtype of `mask`.
    """
    mask = tf.convert_to_tensor(mask)
    rows, columns = mask.shape[-2:]
    # One product and one reshape: cheaper than tf.repeat, for every image.
    ones = tf.ones([patch_size, 1, patch_size], mask.dtype)
    spread = mask[..., :, tf.newaxis, :, tf.newaxis] * ones
    size = [rows * patch_size, columns * patch_size, 1]
    return tf.reshape(spread, _leading(mask, 2) + size)


def fill_masked(
    image: tf.Tensor,
    mask: tf.Tensor,
    patch_size: int,
    fill: str,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Replace the masked patches of a normalised image.

    Args:
        image: float [..., H, W, C], normalised: zero is the data set's mean.
        mask: float [..., H / patch_size, W / patch_size], 1 where masked.
        patch_size: side of a patch, pixels.
        fill: "zero"; "noise", which is N(0, 1); or "token", which is zero
            here, since the model adds its learnt token to it.
        seed: int32 [2]; read only for noise.

    Returns:
        The image, same shape and dtype; visible pixels are unchanged.

    Raises:
        ValueError: unknown `fill`.
    """
    if fill not in MASK_FILLS:
        raise ValueError(
            f"fill={fill!r} is not known; choose one of "
            f"{', '.join(MASK_FILLS)}."
        )
    hidden = tf.cast(upsample_mask(mask, patch_size), image.dtype)
    visible = image * (1 - hidden)
    if fill != "noise":
        return visible
    noise = tf.random.stateless_normal(
        tf.shape(image), seed, dtype=image.dtype, alg="philox"
    )
    return visible + hidden * noise


def patchify(images: tf.Tensor, patch_size: int) -> tf.Tensor:
    """Cut images into patches, each flattened row by row, channels last.

    Args:
        images: [B, H, W, C]; `patch_size` divides H and W.
        patch_size: side p of a patch, pixels.

    Returns:
        [B, H / p, W / p, p * p * C].
    """
    images = tf.convert_to_tensor(images)
    if patch_size == 1:  # which TensorFlow's op refuses
        return images
    return tf.nn.space_to_depth(images, patch_size)


def unpatchify(patches: tf.Tensor, patch_size: int) -> tf.Tensor:
    """Put patches back together; the inverse of `patchify`.

    Args:
        patches: [B, rows, columns, p * p * C].
        patch_size: side p of a patch, pixels.

    Returns:
        [B, rows * p, columns * p, C].
    """
    patches = tf.convert_to_tensor(patches)
    if patch_size == 1:
        return patches
    return tf.nn.depth_to_space(patches, patch_size)


def _leading(tensor: tf.Tensor, count: int) -> list:
    """Returns the shape without its last `count` axes, static if known."""
    shape = tensor.shape[:-count]
    if shape.is_fully_defined():
        return shape.as_list()
    return tf.unstack(tf.shape(tensor)[:-count], num=shape.rank)

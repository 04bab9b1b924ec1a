"""Makes what judges candidates, with what it needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.augment import Augmentation
from maenas_tf.data.held_out import part_dataset, split_held_out
from maenas_tf.data.image_source import ImageSource
from maenas_tf.models.shared_network import SharedNetwork
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import JointScore, parse
from maenas_tf.scores.start import NUM_IMAGES, Start, noise
from maenas_tf.searching.config import SearchConfig
from maenas_tf.skeletons import NetworkSize, search_cells
from maenas_tf.spaces import Space

_NOISE = "noise"
# Pixels; with 16 the same scores select worse (results/selection.md).
_LEAST_SIDE = 32


def make_scorer(
    names: str,
    config: SearchConfig,
    space: Space,
    images: ImageSource,
    size: NetworkSize,
    searcher: keras.Model | None = None,
    judging: Callable[[], dict[str, tf.Tensor]] | None = None,
    full_size: bool = False,
) -> JointScore:
    """Returns what judges candidates.

    Args:
        names: of the scores, joined by "+".
        config: of the search.
        space: that it names.
        images: all of them.
        size: of the network that a candidate would become.
        searcher: with the trained supernet, if there is one.
        judging: makes the batches that it is judged by.
        full_size: whether networks that are judged as they are initialised
            are of that size, and not of the search's. Noise has at least 32
            pixels then.

    Raises:
        ConfigError: there are too few images, or there is no such network.
    """
    classes = [SCORES.get(name) for name in parse(names)]
    start = batches = None
    if any(score.needs_start for score in classes):
        start_size = _search_size(config, space, images)
        if full_size:
            start_size = _full_size(config, size)
        start = make_start(config, space, images, start_size)
    if any(score.needs_images for score in classes):
        batches = judging()
    return JointScore(
        [
            score(
                searcher if score.needs_supernet else None,
                batches if score.needs_images else None,
                size,
                start if score.needs_start else None,
            )
            for score in classes
        ]
    )


def _search_size(
    config: SearchConfig, space: Space, images: ImageSource
) -> NetworkSize:
    """Returns the size of a network of one path of the search's supernet.

    Args:
        config: of the search.
        space: that it names.
        images: whose size is the network's.
    """
    return NetworkSize(
        config.init_channels,
        search_cells(space, config.num_cells),
        image_size=images.image_size,
        stem=config.stem,
    )


def _full_size(config: SearchConfig, size: NetworkSize) -> NetworkSize:
    if config.score_input != _NOISE:
        return size
    side = max(size.image_size, _LEAST_SIDE)
    return dataclasses.replace(size, image_size=side)


def make_start(
    config: SearchConfig, space: Space, images: ImageSource, size: NetworkSize
) -> Start:
    """Returns the networks of a space, as initialised.

    Args:
        config: of the search.
        space: that it names.
        images: of which a few may be shown.
        size: of the networks, for images of that size.
    """
    seed = config.seed if config.score_seed < 0 else config.score_seed
    network = SharedNetwork(space, size, seed)
    if config.score_input == _NOISE:
        return Start(network, noise(size.image_size, seed))
    return Start(network, _some(images, seed))


def _some(images: ImageSource, seed: int) -> tf.Tensor:
    """Returns a few random images, not augmented, [16, H, W, 3].

    Raises:
        ConfigError: there are not as many.
    """
    if images.num_images < NUM_IMAGES:
        raise ConfigError(
            f"--score_input=images shows {NUM_IMAGES} images, and there are "
            f"{images.num_images}; give more, or --score_input=noise."
        )
    _, indices = split_held_out(images.num_images, NUM_IMAGES, seed)
    dataset = part_dataset(
        images,
        indices,
        example_map=lambda example, seed: example,
        batch_size=NUM_IMAGES,
        seed=seed,
        epoch=0,
        augmentation=Augmentation(),
        with_labels=False,
        shuffle=False,
    )
    return next(iter(dataset.take(1)))["image"]

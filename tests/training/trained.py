"""A run directory of a training, made by hand, for the tests of its users."""

from __future__ import annotations

import pathlib

import keras
import numpy as np

from maenas_tf.data.pixel_rules import OLD_RULES, PixelRules
from maenas_tf.models.network import Network
from maenas_tf.skeletons import NetworkSize, make_plan, skeleton_of
from maenas_tf.spaces import SPACES
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.trained_run import Preprocessing

SIZE = 32
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
CLASS_NAMES = ("cat", "big dog", "böse\nKuh")


def make_run(
    path: pathlib.Path, space: str = "darts", pixels: PixelRules = OLD_RULES
) -> pathlib.Path:
    """Writes the files that `load_trained` reads, of a random small network.

    The classifier's weights are large, so that probabilities hang on the
    image as those of a trained network do.
    """
    path.mkdir(parents=True)
    genotype = SPACES.get(space).random_genotype(np.random.default_rng(0))
    keras.utils.set_random_seed(0)
    num_cells = skeleton_of(SPACES.get(space)).min_num_cells
    plan = make_plan(space, NetworkSize(4, num_cells, SIZE))
    network = Network(
        genotype,
        num_classes=len(CLASS_NAMES),
        init_channels=4,
        num_cells=num_cells,
        image_size=SIZE,
        auxiliary=plan.auxiliary is not None,
        drop_path=True,
    )
    rng = np.random.default_rng(1)
    kernel = network.head.kernel
    kernel.assign(rng.normal(scale=5, size=kernel.shape))
    network.save(path / "last.keras")
    config = TrainConfig(genotype=str(genotype), validation_fraction=0.0)
    facts = SIZE, MEAN, STD, CLASS_NAMES, "digits"
    preprocessing = Preprocessing(*facts, pixels)
    (path / "config.json").write_text(config.to_json())
    (path / "genotype.json").write_text(genotype.to_json())
    (path / "preprocessing.json").write_text(preprocessing.to_json())
    return path


def make_images(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Returns random images of various contrasts, uint8 [N, S, S, 3]."""
    rng = np.random.default_rng(seed)
    contrast = rng.uniform(0.3, 1, (count, 1, 1, 3))
    values = contrast * rng.random((count, size, size, 3))
    return np.rint(255 * values).astype(np.uint8)


def expected_probabilities(network: Network, images: np.ndarray) -> np.ndarray:
    """Returns the network's probabilities of bytes, by NumPy's formulas."""
    normalized = (images / 255.0 - np.array(MEAN)) / np.array(STD)
    logits = network(normalized.astype(np.float32), training=False).numpy()
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)

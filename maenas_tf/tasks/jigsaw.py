"""Jigsaw: tell in which order the tiles of an image were shuffled.

Reference: Noroozi and Favaro, "Unsupervised Learning of Visual
Representations by Solving Jigsaw Puzzles" (ECCV 2016). With a grid of 2x2 for
small images: all 24 orders, not a chosen few.
"""

from __future__ import annotations

import itertools

from etils import epy

from maenas_tf.config import ConfigError
from maenas_tf.tasks.classification import Classification
from maenas_tf.tasks.task import TASKS

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import heads
    from maenas_tf.tasks import views

GRID = 2
NUM_TILES = GRID * GRID
ORDERS = tuple(itertools.permutations(range(NUM_TILES)))


def tile_size(image_size: int, divisor: int) -> int:
    """Returns the side of the tiles, 0 where the image is too small.

    Tiles are cut out of the quarters of the image with room to move: the
    largest size that `divisor` divides and that is at most 3/4 of a quarter's
    side (12 of 16 for images of 32 pixels, as the usual protocol has it). A
    network needs two positions in its deepest feature, so at least twice the
    divisor.

    Args:
        image_size: side of the image, pixels.
        divisor: how often the network reduces the resolution.
    """
    size = 3 * (image_size // GRID) // (4 * divisor) * divisor
    return size if size >= 2 * divisor else 0


@TASKS.register("jigsaw")
class Jigsaw(Classification):
    """Cross-entropy of the order of four tiles, one of 24.

    Each tile lies at random in its quarter of the image, and each is
    normalised by the mean and deviation of its own channels, so that neither
    borders nor colours that go on give the order away. The tiles pass the
    same trunk; their pooled features together are classified.
    """

    def __init__(self, settings, context):
        super().__init__(settings, context)
        divisor = context.plan.reduction
        self.quarter = context.image_size // GRID
        self.tile = tile_size(context.image_size, divisor)
        if not self.tile:
            least = next(s for s in itertools.count(2) if tile_size(s, divisor))
            raise ConfigError(
                f"--image_size={context.image_size} is too small for "
                f"--task=jigsaw, which cuts tiles of at most 3/8 of the side, "
                f"and the network needs a multiple of {divisor} from "
                f"{2 * divisor} on: give at least {least}."
            )

    @property
    def input_size(self):
        return self.tile

    def map(self, example, seed):
        room = self.quarter - self.tile
        moves = tf.random.stateless_uniform(
            [NUM_TILES, 2], seed, 0, room + 1, dtype=tf.int32, alg="philox"
        )
        tiles = []
        for number in range(NUM_TILES):
            corner = [q * self.quarter for q in divmod(number, GRID)]
            begin = tf.concat([moves[number] + corner, [0]], 0)
            size = [self.tile, self.tile, 3]
            tiles.append(tf.slice(example["image"], begin, size))
        tiles = tf.stack(tiles)
        mean, variance = tf.nn.moments(tiles, [1, 2], keepdims=True)
        tiles = (tiles - mean) / tf.sqrt(variance + 1e-6)
        order = tf.random.stateless_uniform(
            [], seed + 1, 0, len(ORDERS), dtype=tf.int32, alg="philox"
        )
        shuffled = tf.gather(tiles, tf.gather(tf.constant(ORDERS), order))
        return {"input": shuffled, "target": order}

    def build_input(self):
        return views.FoldViews(name="fold_views")

    def build_head(self, form):
        return heads.JointViewsHead(len(ORDERS), NUM_TILES, form, name="head")

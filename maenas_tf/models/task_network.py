"""One architecture with the head of a task, in the search's form."""

from __future__ import annotations

import keras

from maenas_tf.models.trunk import Trunk
from maenas_tf.skeletons import NetworkSize, make_plan
from maenas_tf.spaces import SPACES, Genotype


class TaskNetwork(keras.Model):
    """What remains of a supernet when each edge has decided.

    Skeleton, normalisation (by the statistics of the batch, not affine in the
    cells) and head are the search's; the cells are discrete. A single
    architecture is trained in it on the objective of a search.

    Args:
        genotype: the architecture.
        init_channels: C, the width of the first cells.
        num_cells: number of cells (nasbench201: per stage).
        head: layer on the features, fine to coarse.
        image_size: side of the images, pixels.
    """

    def __init__(
        self,
        genotype: Genotype,
        init_channels: int,
        num_cells: int,
        head: keras.layers.Layer,
        image_size: int = 32,
        name: str = "task_network",
    ):
        super().__init__(name=name)
        self.genotype = genotype
        self.space = SPACES.get(genotype.space)
        size = NetworkSize(init_channels, num_cells, image_size=image_size)
        self.plan = make_plan(self.space, size, genotype)
        self.plan.check_image_size()
        self.trunk = Trunk(self.plan, genotype, name="trunk")
        self.head = head
        self.trunk.build((None, image_size, image_size, 3))
        head.build(self.trunk.feature_shapes)
        self.built = True

    def call(self, images, training=False):
        """Returns the head's output for images [B, H, W, 3], normalised."""
        arguments = {kind.name: {} for kind in self.space.cell_types}
        features, _ = self.trunk(
            images, cell_arguments=arguments, training=training
        )
        return self.head(features, training=training)

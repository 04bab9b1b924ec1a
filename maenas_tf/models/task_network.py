"""One architecture with the head of a task."""

from __future__ import annotations

import keras

from maenas_tf.models.trunk import Trunk
from maenas_tf.skeletons import NetworkSize, make_plan
from maenas_tf.spaces import SPACES, Genotype


class TaskNetwork(keras.Model):
    """A network found, with what a task asks of its features.

    In the search's form it is what remains of a supernet when each edge has
    decided: its normalisation is by the statistics of the batch, and not
    affine in the cells. In the form of the training it has the same layers
    and weights, up to the head, as `Network`. The head is the search's in
    both: it learns nothing that is kept.

    Args:
        genotype: the architecture.
        init_channels: C, the width of the first cells.
        num_cells: number of cells (nasbench201: per stage).
        head: layer on the features, fine to coarse.
        image_size: side of the images, pixels.
        stem: "cifar" or "imagenet".
        search: the search's form, else that of the training.
    """

    def __init__(
        self,
        genotype: Genotype,
        init_channels: int,
        num_cells: int,
        head: keras.layers.Layer,
        image_size: int = 32,
        stem: str = "cifar",
        search: bool = True,
        name: str = "task_network",
    ):
        super().__init__(name=name)
        self.genotype = genotype
        self.space = SPACES.get(genotype.space)
        self.init_channels = init_channels
        self.num_cells = num_cells
        self.stem = stem
        size = NetworkSize(
            init_channels, num_cells, image_size=image_size, stem=stem
        )
        self.plan = make_plan(self.space, size, genotype)
        self.plan.check_image_size()
        self.trunk = Trunk(self.plan, genotype, search, name="trunk")
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

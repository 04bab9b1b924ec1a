"""The supernet: all architectures of a space in one network."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from maenas_tf.models.alphas import ArchitectureParameters
from maenas_tf.models.heads import ClassifierHead
from maenas_tf.models.trunk import Trunk
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.skeletons import NetworkSize, head_of, make_plan, search_cells
from maenas_tf.spaces import SPACES, Space


class Supernet(keras.Model):
    """The skeleton of a space with every candidate on every edge.

    Args:
        space: search space.
        init_channels: C, the width of the first cells.
        num_cells: number of cells (nasbench201: per stage).
        head: layer on the features, fine to coarse; None returns them.
        architecture: the architecture parameters; None where edge weights
            are given with each call.
        make_edge: makes what stands on an edge, of the arguments of
            `MixedOp`.
        image_size: side of the images, pixels.
        stem: "cifar", or "imagenet" for large images (darts family).
        recompute: compute the candidates again for their gradient, which keeps
            less.
    """

    def __init__(
        self,
        space: Space,
        init_channels: int,
        num_cells: int,
        head: keras.layers.Layer | None = None,
        architecture: ArchitectureParameters | None = None,
        make_edge: Callable[..., MixedOp] = MixedOp,
        image_size: int = 32,
        stem: str = "cifar",
        recompute: bool = False,
        name: str = "supernet",
    ):
        super().__init__(name=name)
        size = NetworkSize(
            init_channels, num_cells, image_size=image_size, stem=stem
        )
        self.plan = make_plan(space, size)
        self.plan.check_image_size()
        self.space = space
        self.image_size = image_size
        self.architecture = architecture
        self.trunk = Trunk(
            self.plan, make_edge=make_edge, recompute=recompute, name="trunk"
        )
        self.head = head
        # Built at once: every weight exists before an optimizer asks for it.
        self.trunk.build((None, image_size, image_size, 3))
        if head is not None:
            head.build(self.trunk.feature_shapes)
        self.built = True

    def call(self, images, training=False, edge_weights=None):
        """Returns the head's output, or the features, fine to coarse.

        Args:
            images: [B, H, W, 3], normalised.
            training: passed on to trunk and head.
            edge_weights: cell type to [edges, primitives], float32, or a
                function that returns this, whose result Keras does not cast
                to the precision of the activations; None takes the relaxed
                alphas.
        """
        if callable(edge_weights):
            edge_weights = edge_weights()
        if edge_weights is None:
            if self.architecture is None:
                raise ValueError(
                    "edge_weights=None needs alphas, and this supernet was "
                    "made without; give the weights of an architecture."
                )
            edge_weights = self.architecture.edge_weights()
        # Keras has cast those that are given; of an architecture they are
        # zeros and ones, in any precision.
        arguments = {
            kind: {"weights": tf.cast(weights, tf.float32)}
            for kind, weights in edge_weights.items()
        }
        # `call`: Keras' `__call__` would cast the architecture weights to the
        # precision of the activations, where near ones become equal.
        features, _ = self.trunk.call(
            images, cell_arguments=arguments, training=training
        )
        if self.head is None:
            return features
        return self.head(features, training=training)


def build_supernet(
    space: str | Space,
    init_channels: int = 16,
    num_cells: int = 0,
    num_classes: int | None = None,
    image_size: int = 32,
    stem: str = "cifar",
) -> Supernet:
    """Builds a supernet.

    Args:
        space: name of a space, or the space.
        init_channels: C.
        num_cells: 0 means the space's own number.
        num_classes: with it, the supervised head; without, features.
        image_size: side of the images, pixels.
        stem: "cifar" or "imagenet".

    Returns:
        A built `keras.Model`.
    """
    space = SPACES.get(space) if isinstance(space, str) else space
    head = None
    if num_classes is not None:
        head = ClassifierHead(num_classes, head_of(space), name="head")
    return Supernet(
        space,
        init_channels,
        search_cells(space, num_cells),
        head,
        ArchitectureParameters(space, name="architecture"),
        image_size=image_size,
        stem=stem,
    )

"""The network of a genotype, to be trained from scratch."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

import keras

from maenas_tf.config import ConfigError
from maenas_tf.models.heads import AuxiliaryHead, ClassifierHead
from maenas_tf.models.trunk import Trunk
from maenas_tf.ops.drop_path import DropPath
from maenas_tf.skeletons import NetworkSize, make_plan, search_cells
from maenas_tf.spaces import (
    SPACES,
    Genotype,
    load_genotype,
)


@keras.saving.register_keras_serializable("maenas_tf")
class Network(keras.Model):
    """The skeleton of a space, its cells those of a genotype.

    An ordinary Keras model from images, RGB or grey, to logits. The auxiliary
    head, if any, takes part only through `call_with_auxiliary`.

    Args:
        genotype: a genotype, its dictionary, or anything `load_genotype`
            reads: a run directory, a file, a published name, a string.
        num_classes: number of outputs.
        init_channels: C, the width of the first cells.
        num_cells: number of cells (nasbench201: per stage); 0 means the
            space's own number.
        image_size: side of the images, pixels.
        stem: "cifar" (one convolution) or "imagenet" (three, which reduce
            the resolution eight times in all; darts family only).
        auxiliary: make the auxiliary head (darts family only).
        drop_path: whether `drop_path_rate` is applied while training; the
            rate is a variable, 0 until a schedule moves it.
    """

    def __init__(
        self,
        genotype: Any,
        num_classes: int = 10,
        init_channels: int = 36,
        num_cells: int = 0,
        image_size: int = 32,
        stem: str = "cifar",
        auxiliary: bool = False,
        drop_path: bool = False,
        name: str = "network",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if isinstance(genotype, dict):
            genotype = Genotype.from_dict(dict(genotype))
        self.genotype = load_genotype(genotype)
        self.space = SPACES.get(self.genotype.space)
        self.num_classes = num_classes
        self.init_channels = init_channels
        self.num_cells = search_cells(self.space, num_cells)
        self.image_size = image_size
        self.stem = stem
        self.auxiliary = auxiliary
        self.drop_path = drop_path
        self._build_layers()

    def _build_layers(self) -> None:
        size = NetworkSize(
            self.init_channels,
            self.num_cells,
            self.image_size,
            self.num_classes,
            self.stem,
        )
        self.plan = make_plan(self.space, size, self.genotype)
        self.plan.check_image_size()
        self.trunk = Trunk(self.plan, self.genotype, False, name="trunk")
        self.trunk.build((None, self.image_size, self.image_size, 3))
        self.head = ClassifierHead(
            self.num_classes, self.plan.head, True, name="head"
        )
        self.head.build(self.trunk.feature_shapes)
        self.auxiliary_head = None
        if self.auxiliary:
            self.auxiliary_head = AuxiliaryHead(
                self.num_classes, self.stem == "cifar", name="auxiliary_head"
            )
            self.auxiliary_head.build(self.trunk.auxiliary_shape)
        if self.drop_path:
            self.drop_seed = keras.random.SeedGenerator(name="drop_seed")
            self.drop_path_rate = self.add_weight(
                name="drop_path_rate",
                shape=(),
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
        self.built = True

    def _cell_arguments(self):
        drop = None
        if self.drop_path:
            drop = DropPath(self.drop_path_rate, self.drop_seed)
        return {t.name: {"drop": drop} for t in self.space.cell_types}

    def call(self, images, training=False):
        """Returns logits [B, num_classes] of images [B, H, W, 3]."""
        return self.head(self.features(images, training), training=training)

    def features(self, images, training=False):
        """Returns the last feature map of every resolution, fine to coarse."""
        features, _ = self.trunk(
            images,
            cell_arguments=self._cell_arguments(),
            training=training,
        )
        return features

    def call_with_auxiliary(self, images, training=True, frozen=False):
        """Returns (logits, auxiliary logits or None).

        Args:
            images: [B, H, W, 3].
            training: whether the heads are being trained.
            frozen: whether stem and cells are not, even so.
        """
        features, middle = self.trunk(
            images,
            cell_arguments=self._cell_arguments(),
            training=training and not frozen,
        )
        logits = self.head(features, training=training)
        if self.auxiliary_head is None:
            return logits, None
        return logits, self.auxiliary_head(middle, training=training)

    def get_config(self):
        return {
            "name": self.name,
            "genotype": self.genotype.to_dict(),
            "num_classes": self.num_classes,
            "init_channels": self.init_channels,
            "num_cells": self.num_cells,
            "image_size": self.image_size,
            "stem": self.stem,
            "auxiliary": self.auxiliary,
            "drop_path": self.drop_path,
        }


def build_network(
    genotype: Any,
    num_classes: int = 10,
    init_channels: int = 36,
    num_cells: int = 0,
    **options: Any,
) -> Network:
    """Builds the network of a genotype; see `Network` for the arguments.

    Raises:
        ConfigError: an argument is unknown, or there is no such network.

    Examples:
        model = build_network("DARTS_V2", num_classes=10, num_cells=20)
    """
    known = [*inspect.signature(Network).parameters, "dtype", "trainable"]
    known.remove("kwargs")
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ConfigError(
                f"Unknown argument {name!r}. {hint}Known are "
                f"{', '.join(known)}."
            )
    return Network(genotype, num_classes, init_channels, num_cells, **options)

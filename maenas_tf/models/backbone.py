"""The found network as a feature extractor, for detectors and the like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from maenas_tf.config import ConfigError
from maenas_tf.models.network import Network
from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.models.trunk import Trunk
from maenas_tf.skeletons import NetworkSize, make_plan, search_cells
from maenas_tf.spaces import SPACES, Genotype, load_genotype


@keras.saving.register_keras_serializable("maenas_tf")
class FoundTrunk(keras.layers.Layer):
    """Stem and cells of a found network as one layer, without the head.

    Args:
        genotype: a genotype, its dictionary, or anything `load_genotype`
            reads.
        init_channels: C.
        num_cells: number of cells (nasbench201: per stage); 0 means the
            space's own number.
        stem: "cifar" or "imagenet".
    """

    def __init__(
        self,
        genotype: Any,
        init_channels: int,
        num_cells: int,
        stem: str = "imagenet",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(genotype, dict):
            genotype = Genotype.from_dict(genotype)
        self.genotype = load_genotype(genotype)
        self.space = SPACES.get(self.genotype.space)
        self.init_channels = init_channels
        self.num_cells = search_cells(self.space, num_cells)
        self.stem = stem
        size = NetworkSize(init_channels, self.num_cells, stem=stem)
        self.plan = make_plan(self.space, size, self.genotype)
        self.trunk = Trunk(self.plan, self.genotype, False, name="trunk")

    def check_image_size(self, *sides: int | None) -> None:
        """As `Plan.check_image_size`, of the sides that are known."""
        known = [side for side in sides if side is not None]
        if known:
            self.plan.check_image_size(*known)

    def build(self, input_shape):
        self.trunk.build(input_shape)
        self.built = True

    def compute_output_shape(self, input_shape):
        return list(self.trunk.feature_shapes)

    def call(self, images, training=False):
        """Returns the last feature map of every resolution, fine to coarse."""
        self.check_image_size(*images.shape[1:3])
        arguments = {kind.name: {} for kind in self.space.cell_types}
        features, _ = self.trunk(
            images, cell_arguments=arguments, training=training
        )
        return features

    def get_config(self):
        return {
            **super().get_config(),
            "genotype": self.genotype.to_dict(),
            "init_channels": self.init_channels,
            "num_cells": self.num_cells,
            "stem": self.stem,
        }


@keras.saving.register_keras_serializable("maenas_tf")
class Backbone(keras.Model):
    """A functional model from images to feature maps of several resolutions.

    Level "P3" has an eighth of the image's resolution (2**-3), and so on.
    The output is a dictionary from level to feature map; each level is a
    layer of its own as well, so that `pyramid_level_inputs` is what
    `keras_cv.models.RetinaNet(backbone=...)` asks for.

    Args: as `build_backbone`.
    """

    def __init__(
        self,
        genotype: Any,
        init_channels: int,
        num_cells: int,
        image_shape: tuple[int | None, int | None, int],
        stem: str = "imagenet",
        name: str = "backbone",
        **kwargs,
    ):
        _check_image_shape(image_shape)
        trunk = FoundTrunk(
            genotype, init_channels, num_cells, stem, name="trunk"
        )
        trunk.check_image_size(*image_shape[:2])
        images = keras.Input(image_shape, name="images")
        outputs = {
            f"P{level}": keras.layers.Identity(name=f"level_{level}")(x)
            for level, x in zip(trunk.plan.levels, trunk(images), strict=True)
        }
        super().__init__(images, outputs, name=name, **kwargs)
        self.image_shape = tuple(image_shape)
        self.pyramid_level_inputs = {
            level: f"level_{level[1:]}" for level in outputs
        }

    @property
    def trunk(self) -> FoundTrunk:
        """The layer that holds all weights."""
        return self.get_layer("trunk")

    def get_config(self):
        config = self.trunk.get_config()
        names = ("genotype", "init_channels", "num_cells", "stem")
        return {
            **{name: config[name] for name in names},
            "image_shape": list(self.image_shape),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        del custom_objects
        return cls(**config)


def _check_image_shape(shape: Any) -> None:
    fits = isinstance(shape, Sequence) and len(shape) == 3
    if not fits or shape[-1] not in (1, 3):
        raise ConfigError(
            f"image_shape={shape} is not valid: give (height, width, 3), or 1 "
            f"at the end for grey images; None for a height or width takes "
            f"any."
        )


def build_backbone(
    genotype: Any,
    init_channels: int = 48,
    num_cells: int = 14,
    image_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    stem: str = "imagenet",
) -> Backbone:
    """Builds the feature extractor of a genotype, with fresh weights.

    Args:
        genotype: anything `load_genotype` reads: a run directory, a file, a
            published name, a string, a genotype.
        init_channels: C.
        num_cells: number of cells (nasbench201: per stage); 0 means the
            space's own number.
        image_shape: (height, width, 3) in pixels, or 1 at the end for grey
            images. Height and width are multiples of the network's total
            reduction: 32 with the imagenet stem, 4 with the cifar stem; None
            takes any such.
        stem: "imagenet" for the levels P3, P4, P5; "cifar" for P0, P1, P2.

    Returns:
        A functional `keras.Model`; `transfer_weights` fills it from a
        trained network.

    Raises:
        ValueError: the genotype is none.
        ConfigError: there is no such network.

    Examples:
        backbone = build_backbone("DARTS_V2", 48, 14, (512, 512, 3))
        detector = keras_cv.models.RetinaNet(
            backbone=backbone, num_classes=20, bounding_box_format="xywh"
        )
    """
    return Backbone(genotype, init_channels, num_cells, image_shape, stem)


# What two networks of the same weights agree in.
SHARED = ("genotype", "init_channels", "num_cells", "stem")


def transfer_weights(
    source: Network | TaskNetwork | Backbone,
    target: Network | TaskNetwork | Backbone,
) -> None:
    """Copies the weights of stem and cells, all but the heads', to another.

    Args:
        source: trained, of any image size, in the form of the training.
        target: of the same genotype, width, depth and stem.

    Raises:
        ValueError: the two differ.
    """
    there, here = _trunk_of(source), _trunk_of(target)
    for name in SHARED:
        ours, theirs = getattr(here, name), getattr(there, name)
        if ours != theirs:
            raise ValueError(
                f"The {_called(target)} has {name}={ours}, the "
                f"{_called(source)} {theirs}; build the first with what the "
                f"other has."
            )
    here.trunk.set_weights(there.trunk.get_weights())


def _trunk_of(
    model: Network | TaskNetwork | Backbone,
) -> Network | TaskNetwork | FoundTrunk:
    """Returns what has the trunk, and the facts about it."""
    return model.trunk if isinstance(model, Backbone) else model


def _called(model: keras.Model) -> str:
    return "backbone" if isinstance(model, Backbone) else "network"

"""The configuration of a detector's training."""

from __future__ import annotations

import dataclasses

from maenas_tf.config import (
    AT_LEAST_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    DeviceSettings,
    EpochSettings,
    NetworkSettings,
    OptimizerSettings,
    Range,
    check,
    read_colour,
    setting,
)

COCO_JSON = "coco_json"


@dataclasses.dataclass(frozen=True)
class BoxedDataSettings(Config):
    """Which images with boxes, and how they become batches."""

    dataset: str = setting(
        COCO_JSON,
        f'"{COCO_JSON}" (with --annotations and --data_dir) or a tfds name '
        'whose examples have "objects", as "voc/2007".',
    )
    annotations: str = setting(
        "",
        f"JSON file of the boxes, in COCO's form, of --dataset={COCO_JSON}.",
    )
    data_dir: str = setting(
        "",
        "folder that the JSON file's names of images begin in, or the tfds "
        "data directory.",
    )
    split: str = setting("train", "the split of tfds to train on.")
    max_images: int = setting(
        0, "use at most so many images; 0 means all.", ZERO_IS_DEFAULT
    )
    image_size: int = setting(
        512,
        "side in pixels of the square that each image is fitted into, whole: "
        "its longer side gets this length, the rest is filled with grey.",
        AT_LEAST_ONE,
    )
    background: str = setting(
        "white",
        'what lies under transparent pixels: "white", "black", a colour as '
        '"#rrggbb", or "none".',
    )
    flip: bool = setting(True, "mirror every other image, with its boxes.")
    zoom: float = setting(
        1.0,
        "enlarge or reduce each image that is trained on, with its boxes, by a "
        "random factor from 1 / zoom to zoom, and move it to a random place: "
        "what is enlarged is cut, around what is reduced is grey; 1 does none "
        "of it.",
        Range("give a factor of at least 1; 1 is off.", least=1),
    )

    def validate(self) -> None:
        """Raises ConfigError: settings do not fit each other."""
        read_colour("background", self.background)
        if (self.dataset == COCO_JSON) != bool(self.annotations):
            raise ConfigError(
                f"--dataset={self.dataset} and --annotations="
                f"{self.annotations} do not fit: give --annotations=FILE with "
                f"--dataset={COCO_JSON}, and with no other."
            )
        if self.dataset == COCO_JSON and not self.data_dir:
            raise ConfigError(
                f"--data_dir is empty; give the folder of the images of "
                f"--annotations={self.annotations}."
            )
        if self.dataset == COCO_JSON and self.split != type(self).split:
            raise ConfigError(
                f"--split={self.split} has no effect with --dataset="
                f"{COCO_JSON}; give the JSON file of the images that are "
                f"meant, or drop it."
            )
        super().validate()


@dataclasses.dataclass(frozen=True)
class DetectConfig(
    DeviceSettings,
    OptimizerSettings,
    NetworkSettings,
    EpochSettings,
    BoxedDataSettings,
):
    """Everything that decides the result of training a detector.

    Rate, momentum and decay are those of RetinaNet (Lin et al., "Focal Loss
    for Dense Object Detection", ICCV 2017, section 4.1).
    """

    genotype: str = setting(
        "DARTS_V2",
        "run directory of a search, genotype file, published name (DARTS_V2) "
        "or architecture string.",
    )
    init_from: str = setting(
        "",
        "run directory of a pretraining or a training whose weights the "
        "backbone begins with, of the same genotype, width, depth and stem; "
        "empty begins with random ones.",
    )
    validation_fraction: float = setting(
        0.1,
        "part of the images that is held out, to choose the best epoch by; 0 "
        "is none.",
        FRACTION,
    )
    init_channels: int = setting(
        48, "channels of the first cells (C).", AT_LEAST_ONE
    )
    stem: str = setting(
        "imagenet",
        '"imagenet", three convolutions that reduce it eight times (darts '
        'family; mobilenet), or "cifar", one convolution at full resolution.',
        choices=("cifar", "imagenet"),
    )
    num_cells: int = setting(
        0,
        "number of cells (nasbench201: per stage); 0 means the space's own of "
        "a network to train.",
        ZERO_IS_DEFAULT,
    )
    head_channels: int = setting(
        256, "channels of the pyramid and of the heads.", AT_LEAST_ONE
    )
    head_norm: str = setting(
        "group",
        'how the heads are normalised: "group", by groups of 8 channels of '
        'each image, or "none", as in the literature, which learns classes '
        "later.",
        choices=("group", "none"),
        before="none",
    )
    anchor_scale: float = setting(
        4.0,
        "side of the smallest anchors of each map, in distances between its "
        "pixels.",
        POSITIVE,
    )
    epochs: int = setting(
        50,
        "passes over the training images, or as many times steps_per_epoch "
        "steps.",
        AT_LEAST_ONE,
    )
    batch_size: int = setting(16, "global batch, images.", AT_LEAST_ONE)
    learning_rate: float = setting(
        0.01, "initial rate of SGD, which falls by half a cosine.", POSITIVE
    )
    warmup_epochs: int = setting(
        1,
        "first epochs, in which the rate grows linearly.",
        ZERO_IS_DEFAULT,
    )
    weight_decay: float = setting(
        1e-4, "L2 factor added to the weights' gradient.", NOT_NEGATIVE
    )
    clip_norm: float = setting(
        10.0,
        "global-norm clip of the weights' gradient; 0 is off.",
        NOT_NEGATIVE,
    )

    def validate(self) -> None:
        super().validate()
        # A genotype may be JSON of several lines; a flag file has one each.
        genotype = " ".join(self.genotype.split("\n"))
        object.__setattr__(self, "genotype", genotype)
        check(
            self.warmup_epochs <= self.epochs,
            "warmup_epochs",
            self.warmup_epochs,
            f"give a number from 0 to the {self.epochs} epochs.",
        )

"""Settings about the size and form of a network."""

from __future__ import annotations

import dataclasses

from maenas_tf.config.base import (
    AT_LEAST_ONE,
    ZERO_IS_DEFAULT,
    Config,
    setting,
)


@dataclasses.dataclass(frozen=True)
class NetworkSettings(Config):
    """How wide and deep a network is, and how it begins."""

    init_channels: int = setting(
        16, "channels of the first cells (C).", AT_LEAST_ONE
    )
    stem: str = setting(
        "cifar",
        '"cifar", one convolution at full resolution, or "imagenet", three '
        "that reduce it eight times (darts family).",
        choices=("cifar", "imagenet"),
    )
    num_cells: int = setting(
        0,
        "number of cells (nasbench201: per stage); 0 means the space's own: "
        "8 (darts), 5 (nasbench201).",
        ZERO_IS_DEFAULT,
    )

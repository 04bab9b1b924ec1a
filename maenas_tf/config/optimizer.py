"""Settings about how weights are trained."""

from __future__ import annotations

import dataclasses

from maenas_tf.config.base import (
    FRACTION,
    NOT_NEGATIVE,
    Config,
    ConfigError,
    setting,
)


@dataclasses.dataclass(frozen=True)
class OptimizerSettings(Config):
    """SGD's, but for its rate, which each experiment schedules itself."""

    momentum: float = setting(0.9, "of SGD.", FRACTION)
    nesterov: bool = setting(False, "Nesterov momentum.")
    weight_decay: float = setting(
        3e-4, "L2 factor added to the weights' gradient.", NOT_NEGATIVE
    )
    clip_norm: float = setting(
        5.0,
        "global-norm clip of the weights' gradient; 0 is off.",
        NOT_NEGATIVE,
    )

    def validate(self) -> None:
        super().validate()
        if self.nesterov and self.momentum == 0:
            raise ConfigError(
                "--nesterov needs a --momentum above 0; drop it or give one."
            )
